//! `orders audit` can fail: each kind of violation, planted into a database that was sound, is reported, and nothing else is.

mod explained;
mod shop;

use order_fleet::ops::audit::Invariant::{self, *};
use rstest::rstest;

use shop::{at_once, audit, broken, plant, shop};

#[tokio::test]
async fn a_sound_database_is_clean_and_every_law_was_put_to_it() {
    let report = audit(&shop().await, None, &at_once()).await;
    assert_eq!(broken(&report), []);
    assert!(report.clean);
    assert_eq!(report.orders, 2);
    let unused = |law: Invariant| matches!(law, UnfinishedOrdersMove | OutboxMoves | QueuesExplained);
    for verdict in report.invariants.iter().filter(|verdict| !unused(verdict.invariant)) {
        assert!(verdict.checked.is_some_and(|checked| checked > 0), "{} judged nothing", verdict.name);
    }
}

/// One order, just moved on, so that its event may still be on its way.
const RUNNING: &str = r#"
    insert into orders (id, customer_id, email, items, total, status, correlation_id, created_at) values
        ('{other}', 'c', 'a@x.example', '[{"sku": "A", "quantity": 1, "price": 10}]', 10, 'processing', 'k', {then});
    insert into order_history (order_id, event, status, step, message_id) values
        ('{other}', 'accepted', 'pending', null, '{other}'),
        ('{other}', 'submitted', 'processing', 'reserving_stock', '{other}');"#;

/// The confirmed order's money given back, as an operator wished.
const REFUNDED: &str = "
    update payments set status = 'refunded' where order_id = '{confirmed}';
    insert into payment_refunds values ('{confirmed}', 'broken', 'operator:anna', {then});
    insert into notification_deliveries select channel, '{refund told}', 'order_refunded', order_id, recipient, transport, reference, at
        from notification_deliveries where order_id = '{confirmed}';
    insert into recorded_events (message_id, routing_key, order_id, body) values ('{refund announced}', 'order.refunded', '{confirmed}', '{}');
    update statistics set refunded = 20;";

#[tokio::test]
async fn a_refund_that_was_asked_for_and_told_is_clean() {
    let database = shop().await;
    plant(&database, REFUNDED).await;
    let report = audit(&database, None, &at_once()).await;
    assert_eq!(broken(&report), []);
}

#[rstest]
#[case::an_answer_without_its_order(
    "insert into idempotency_keys (scope, key, fingerprint, order_id, response) values ('c', 'gone', '', '{other}', '{}')",
    AcceptedOrdersExist, &["is not there"])]
#[case::a_saga_beside_a_settled_status(
    "insert into sagas values ('{confirmed}', 'taking_payment', null, now(), now() + interval '1 hour')",
    StatusFitsSaga, &["is confirmed while its saga waits for taking_payment"])]
#[case::a_processing_order_without_a_saga(RUNNING, StatusFitsSaga, &["is processing while its saga waits for nothing"])]
#[case::an_order_that_never_started(
    "insert into orders (id, customer_id, email, items, total, status, correlation_id, created_at, updated_at) values
         ('{other}', 'c', 'a@x.example', '[]', 0, 'pending', 'k', {then}, {then});
     insert into order_history (order_id, event, status) values ('{other}', 'accepted', 'pending')",
    UnfinishedOrdersMove, &["neither in the outbox"])]
#[case::a_deadline_that_nobody_noticed(
    &[RUNNING, "insert into sagas values ('{other}', 'reserving_stock', null, {then}, now() - interval '5 minutes')"].concat(),
    UnfinishedOrdersMove, &["has passed unnoticed"])]
#[case::a_deadline_that_is_put_off_for_ever(
    &[RUNNING, "insert into sagas values ('{other}', 'reserving_stock', null, now() - interval '2 hours', now())"].concat(),
    UnfinishedOrdersMove, &["waits for reserving_stock since"])]
#[case::a_change_that_the_saga_cannot_make(
    "update order_history set event = 'stock_released' where order_id = '{confirmed}' and event = 'stock_reserved'",
    HistoryLegal, &["stock_released led from processing/reserving_stock to processing/taking_payment"])]
#[case::a_status_without_its_history(
    "delete from order_history where order_id = '{confirmed}' and event = 'payment_taken'",
    HistoryEndsInStatus, &["is confirmed, its history ends in processing"])]
#[case::a_history_without_its_order(
    "insert into order_history (order_id, event, status) values ('{other}', 'accepted', 'pending')",
    HistoryEndsInStatus, &["is unknown"])]
#[case::a_message_that_was_applied_twice(
    &[RUNNING, "insert into sagas values ('{other}', 'cancelling_payment', '{}', now(), now() + interval '1 hour');
     insert into order_history (order_id, event, status, step, message_id)
     values ('{other}', 'stock_reserved', 'processing', 'taking_payment', gen_random_uuid());
     insert into order_history (order_id, event, status, step, message_id)
     select '{other}', 'deadline_passed', 'processing', 'cancelling_payment', '{failed}' from generate_series(1, 2)"].concat(),
    MessagesAppliedOnce, &["was applied 2 times"])]
#[case::a_unit_that_nobody_brought(
    "update stock set on_hand = on_hand + 1", StockEqualsLedger, &["has 99 on hand and 0 reserved, by its ledger 98 and 0"])]
#[case::a_ledger_without_a_shelf(
    "insert into stock_movements (sku, kind, quantity) values ('GHOST', 'initial', 5)",
    StockEqualsLedger, &["GHOST has 0 on hand"])]
#[case::a_shelf_that_was_oversold_for_a_moment(
    "insert into stock_movements (sku, kind, quantity) values ('A', 'adjust', -100), ('A', 'adjust', 100)",
    NothingOversold, &["was down to -2 on hand"])]
#[case::stock_that_was_reserved_and_released_behind_the_reservation(
    "insert into stock_movements (sku, order_id, kind, quantity)
     values ('A', '{confirmed}', 'reserve', 1), ('A', '{confirmed}', 'release', 1)",
    ReservationsEqualLedger, &["holds 2 of A (committed), its ledger: 3 reserved, 1 released, 2 committed"])]
#[case::movements_without_a_reservation(
    "insert into stock_movements (sku, order_id, kind, quantity)
     values ('A', '{other}', 'reserve', 1), ('A', '{other}', 'release', 1)",
    ReservationsEqualLedger, &["no reservation"])]
#[case::a_reservation_of_something_else(
    r#"update orders set items = '[{"sku": "A", "quantity": 3, "price": 10}]' where id = '{confirmed}'"#,
    ReservationsEqualItems, &["its reservation of"])]
#[case::a_confirmed_order_whose_stock_was_never_sold(
    "update reservations set status = 'reserved' where order_id = '{confirmed}';
     delete from stock_movements where kind = 'commit';
     update stock set on_hand = on_hand + 2, reserved = reserved + 2",
    ReservationsFitOrders, &["is confirmed, its reservation is reserved"])]
#[case::a_failed_order_whose_stock_was_sold(
    "update reservations set status = 'committed' where order_id = '{failed}';
     update stock_movements set kind = 'commit' where kind = 'release';
     update stock set on_hand = on_hand - 1",
    ReservationsFitOrders, &["is failed, its reservation is committed"])]
#[case::stock_held_for_an_unknown_order(
    "insert into reservations (order_id, status, lines, updated_at) values ('{other}', 'reserved', '[]', {then})",
    ReservationsFitOrders, &["is unknown, its reservation is reserved"])]
#[case::a_confirmed_order_that_nobody_paid(
    "delete from payments where order_id = '{confirmed}'", PaymentsFitOrders, &["is confirmed, its payment is missing"])]
#[case::a_failed_order_that_was_paid(
    "update payments set status = 'taken' where order_id = '{failed}'",
    PaymentsFitOrders, &["is failed, its payment is taken"])]
#[case::a_refund_that_nobody_asked_for(
    &[REFUNDED, "delete from payment_refunds"].concat(), PaymentsFitOrders, &["is confirmed, its payment is refunded"])]
#[case::a_refund_that_was_asked_for_and_never_made(
    "insert into payment_refunds values ('{confirmed}', 'broken', 'operator:anna', {then})",
    PaymentsFitOrders, &["is confirmed, its payment is taken"])]
#[case::money_for_an_unknown_order(
    "insert into payments (order_id, amount, status, updated_at) values ('{other}', 5, 'taken', {then})",
    PaymentsFitOrders, &["is unknown, its payment is taken"])]
#[case::another_amount_than_the_price(
    "update payments set amount = 19.99 where order_id = '{confirmed}'", PaymentAmounts, &["costs 20.00, taken was 19.99"])]
#[case::a_mail_that_was_never_sent(
    "delete from notification_deliveries where order_id = '{confirmed}' and channel = 'email'",
    NotificationsOnce, &["order_confirmation by email was sent 0 times instead of 1"])]
#[case::a_mail_that_was_sent_twice(
    "insert into notification_deliveries select channel, gen_random_uuid(), kind, order_id, recipient, transport, reference, at
     from notification_deliveries where order_id = '{confirmed}' and channel = 'email'",
    NotificationsOnce, &["order_confirmation by email was sent 2 times instead of 1"])]
#[case::a_text_message_that_nothing_called_for(
    "insert into notification_deliveries select 'sms', message_id, kind, order_id, recipient, transport, reference, at
     from notification_deliveries where order_id = '{confirmed}' and channel = 'email'",
    NotificationsOnce, &["order_confirmation by sms was sent 1 times instead of 0"])]
#[case::a_refund_that_nobody_was_told_of(
    "update payments set status = 'refunded' where order_id = '{failed}'",
    NotificationsOnce, &["order_refunded by email was sent 0 times", "order_refunded by push was sent 0 times"])]
#[case::a_refund_that_was_not_counted(
    &[REFUNDED, "update statistics set refunded = 0"].concat(), Statistics, &["the figures per day have 0 refunded, the orders 20 to 20", "the figures per minute have 0 refunded, the orders 20 to 20"])]
#[case::a_notification_under_a_foreign_id(
    "update notification_deliveries set message_id = gen_random_uuid() where order_id = '{confirmed}' and channel = 'push'",
    NotificationIds, &["order_confirmation has the message id"])]
#[case::an_event_that_was_never_recorded(
    "delete from recorded_events where order_id = '{confirmed}' and routing_key = 'order.confirmed'",
    EventsOnce, &["order.confirmed was recorded 0 times instead of 1"])]
#[case::an_event_that_was_recorded_twice(
    "insert into recorded_events select gen_random_uuid(), routing_key, order_id, body, recorded_at
     from recorded_events where order_id = '{confirmed}' and routing_key = 'order.created'",
    EventsOnce, &["order.created was recorded 2 times instead of 1"])]
#[case::an_event_that_never_happened(
    "insert into recorded_events (message_id, routing_key, order_id, body)
     values ('{stray event}', 'order.failed', '{confirmed}', '{}')",
    EventsOnce, &["order.failed was recorded 1 times instead of 0"])]
#[case::an_event_under_a_foreign_id(
    "update recorded_events set message_id = gen_random_uuid() where order_id = '{failed}' and routing_key = 'order.failed'",
    EventIds, &["order.failed has the message id"])]
#[case::a_figure_that_counts_one_too_many(
    "update statistics set confirmed = confirmed + 1 where period = 'day'",
    Statistics, &["the figures per day have 2 confirmed, the orders 1 to 1"])]
#[case::revenue_that_nobody_paid(
    "update statistics set revenue = 20.01 where period = 'minute'",
    Statistics, &["the figures per minute have 20.01 revenue, the orders 20 to 20"])]
#[case::failures_under_another_reason(
    "update statistics_failures set reason = 'out_of_stock' where period = 'minute'",
    Statistics, &["1 failed: out_of_stock, the orders 0 to 0", "0 failed: payment_declined, the orders 1 to 1"])]
#[case::a_message_that_no_relay_published(
    r#"insert into outbox (message, created_at) values ('{"kind": "order.submitted", "body": {}}', {then})"#,
    OutboxMoves, &["(order.submitted, message unreadable) waits since"])]
#[tokio::test]
async fn a_planted_violation_is_reported_and_no_other(
    #[case] planted: &str,
    #[case] law: Invariant,
    #[case] words: &[&str],
) {
    let database = shop().await;
    plant(&database, planted).await;
    let report = audit(&database, None, &at_once()).await;
    let broken = broken(&report);
    assert!(!report.clean);
    assert_eq!(broken.iter().map(|(law, _)| *law).collect::<Vec<_>>(), [law], "{broken:#?}");
    let lines = &broken[0].1;
    assert_eq!(lines.len(), words.len(), "{lines:#?}");
    for (line, words) in lines.iter().zip(words) {
        assert!(line.contains(words), "{line}");
    }
}
