/** Calls of the addresses that are for the operator's token. */
export type Operator = <T>(path: string, json: object) => Promise<T>;

/** What the copy answered in place of what was asked for. */
export class OperatorError extends Error {
  override name = "OperatorError";
}

/** Calls that find the copy busy are made again: every slice can be. */
const ATTEMPTS = 5;

export const operatorOf =
  (url: string, token: string): Operator =>
  async <T>(path: string, json: object) => {
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(`${url}/operator/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(json),
      });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text) as T;
      if (answer.status < 500 || attempt === ATTEMPTS) throw new OperatorError(`${path}: ${answer.status} ${text}`);
    }
  };
