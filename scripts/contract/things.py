"""Things that are there, so that requests about them get past "not found": made once at the start, then looked up in the API's own lists."""

import base64
import functools
import json
import os
import time
import urllib.parse
import urllib.request
import uuid

API = os.environ["ORDERS_API_URL"]
SKU = "CONTRACT-01"
ORDERS = 300
LETTERS = 60


def ask(method, path, body=None):
    request = urllib.request.Request(API + path, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Authorization", "Bearer " + os.environ["ORDERS_TOKEN"])
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_for(what, look):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.5)
    raise TimeoutError(f"{what}: not within a minute")


def make_orders():
    ask("POST", "/api/v1/products", {"sku": SKU, "name": "Widget", "price": 1, "stock": 100 * ORDERS})
    order = {"customer_id": "c-17", "email": "ada@shop.example", "items": [{"sku": SKU, "quantity": 1}]}
    ask("POST", "/api/v1/orders/bulk", {"orders": [order] * ORDERS})
    wait_for("confirmed orders", lambda: len(confirmed(200)) == 200)
    ask("POST", "/api/v1/orders/bulk", {"orders": [order] * 10})


def confirmed(limit):
    return ask("GET", f"/api/v1/orders?customer=c-17&status=confirmed&limit={limit}")["orders"]


def make_letters():
    """Published as a consumer does that gives up."""
    broker = urllib.parse.urlsplit(os.environ["AMQP_MANAGEMENT_URL"])
    address = f"{broker.scheme}://{broker.hostname}:{broker.port}/api/exchanges/%2F/dlx/publish"
    login = base64.b64encode(f"{broker.username}:{broker.password}".encode()).decode()
    for number in range(LETTERS):
        headers = {"fleet-reason": "refused", "fleet-error": f"fault {'abc'[number % 3] * 9}", "fleet-origin-queue": "analytics",
                   "fleet-origin-exchange": "events", "fleet-origin-routing-key": "order.note"}
        message = {"routing_key": "failed", "payload": "{}", "payload_encoding": "string",
                   "properties": {"message_id": str(uuid.uuid4()), "headers": headers}}
        request = urllib.request.Request(address, method="POST", data=json.dumps(message).encode())
        request.add_header("Authorization", "Basic " + login)
        urllib.request.urlopen(request, timeout=30).close()
    wait_for("dead letters", lambda: len(letters()) == LETTERS)


def letters():
    return ask("GET", "/api/v1/dead-letters?queue=analytics&limit=200")["dead_letters"]


def make_replays():
    return [
        ask("POST", "/api/v1/replays", {"letters": {"ids": [letter["id"]]}, "reason": "contract"})["id"] for letter in letters()[:20]
    ]


def make_webhooks():
    wanted = {"url": "https://partner.example/hooks", "event_types": ["order.*"]}
    return [ask("POST", "/api/v1/webhooks", wanted)["id"] for _ in range(20)]


@functools.cache
def things():
    """By the beginning of the path, whose next segment names one of them."""
    make_orders()
    make_letters()
    webhooks = make_webhooks()
    deliveries = [(webhook, ask("POST", f"/api/v1/webhooks/{webhook}/ping", {})["id"]) for webhook in webhooks]
    orders = ask("GET", "/api/v1/orders?customer=c-17&limit=200")["orders"]
    links = [ask("GET", f"/api/v1/orders/{order['id']}")["tracking_url"] for order in orders[:20]]
    groups = ask("GET", "/api/v1/dead-letter-groups?all=true")["groups"]
    return {
        "/api/v1/orders/": [{"id": order["id"]} for order in orders],
        "/api/v1/dead-letters/": [{"id": letter["id"]} for letter in letters()],
        "/api/v1/dead-letter-groups/": [{"id": group["id"]} for group in groups],
        "/api/v1/replays/": [{"id": replay} for replay in make_replays()],
        "/api/v1/webhooks/": [{"id": webhook, "delivery_id": delivery} for webhook, delivery in deliveries],
        "/api/v1/products/": [{"sku": SKU}],
        "/api/v1/consumers/": [{"queue": "sms_notifications"}, {"queue": "analytics"}],
        "/api/v1/queues/": [{"queue": "push_notifications"}, {"queue": "sms_notifications"}],
        "/track/": [{"token": link.rsplit("/", 1)[1]} for link in links],
    }


def one_for(path, seed):
    """The path parameters of something that is there; `None` where nothing is."""
    for beginning, known in things().items():
        if path.startswith(beginning) and known:
            return known[seed % len(known)]
    return None
