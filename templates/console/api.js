// Calls of the API with the operator's token, which stays in this tab and goes nowhere else.

const KEY = "order-fleet-token";

export const token = () => sessionStorage.getItem(KEY);
export const remember = (text) => sessionStorage.setItem(KEY, text.trim());
export const forget = () => sessionStorage.removeItem(KEY);

/** What the API refused, in its own words (RFC 9457), every field at fault included. */
export class Problem extends Error {
  constructor(status, body) {
    const errors = (body?.errors ?? []).map((error) => `${error.pointer} ${error.detail}`);
    super([body?.detail ?? body?.title ?? `the API answered ${status}`, ...errors].join("\n"));
    this.status = status;
  }
}

/** Asks the API; `query` leaves out what is empty. */
export async function call(method, path, { query = {}, body } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const headers = { accept: "application/json" };
  if (token()) headers.authorization = `Bearer ${token()}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`api/v1/${path}${search}`, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Problem(0, { detail: "the API does not answer; trying again" });
  }
  const text = await answer.text();
  let read = null;
  try {
    read = text ? JSON.parse(text) : null;
  } catch {
    read = { detail: "the answer is no JSON: something between here and the API has answered" };
  }
  if (!answer.ok) throw new Problem(answer.status, read);
  return read;
}

export const get = (path, query) => call("GET", path, { query });
export const post = (path, body = {}) => call("POST", path, { body });
export const patch = (path, body) => call("PATCH", path, { body });
