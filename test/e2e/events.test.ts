/** Issue 2, step 5: what is derived of files appears within seconds, and survives queues that lose it. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { temporaryData } from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(new URL(`../fixtures/${name}`, import.meta.url)));

async function start(data: string): Promise<Product & AsyncDisposable> {
  const product = await startProduct({ port: 0, data, crons: false });
  return { ...product, [Symbol.asyncDispose]: () => product.stop() };
}

class Person {
  readonly #token: string;
  url: string;

  private constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  static async register(url: string): Promise<Person> {
    const answer = await fetch(`${url}/api/v1/auth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "a@example.org", password: "correct horse battery", name: "A" }),
    });
    const { access_token } = (await answer.json()) as { access_token: string };
    return new Person(url, access_token);
  }

  ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}/api/v1/${path}`, { ...init, headers: { authorization: `Bearer ${this.#token}` } });
  }

  async upload(name: string, body: Uint8Array<ArrayBuffer>): Promise<string> {
    const answer = await this.ask(`files/upload?parent_id=root&name=${name}`, { method: "POST", body });
    return ((await answer.json()) as { file_id: string }).file_id;
  }

  async thumbnail(file_id: string): Promise<number> {
    const answer = await this.ask(`files/${file_id}/thumbnail?size=s`);
    await answer.body?.cancel();
    return answer.status;
  }

  async find(q: string): Promise<string[]> {
    const answer = await this.ask(`search?q=${q}`);
    const { items } = (await answer.json()) as { items: { file: { file_id: string } }[] };
    return items.map(({ file }) => file.file_id);
  }
}

it("step 5: a picture has its thumbnail, and a text and a PDF are found by content, within ten seconds", async () => {
  using data = temporaryData();
  await using product = await start(data.path);
  const person = await Person.register(product.url);
  const photo = await person.upload("photo.jpg", fixture("upright-phone.jpg"));
  const letter = await person.upload("letter.pdf", fixture("letter.pdf"));
  const note = await person.upload("note.txt", new TextEncoder().encode("nine kestrels near Gruenau"));
  await waitFor(async () => (await person.thumbnail(photo)) === 200, 10_000);
  await waitFor(async () => (await person.find("kestrels")).length === 2, 10_000);
  expect((await person.find("kestrels")).toSorted()).toEqual([letter, note].toSorted());
});

it("E8: what a restart loses from the queues is made after it, by the sweep", async () => {
  using data = temporaryData();
  const [person, files] = await uploadAndStop(data.path);
  await using product = await start(data.path);
  person.url = product.url;
  const missing = async (): Promise<number> => {
    const statuses = await Promise.all(files.map((file) => person.thumbnail(file)));
    return statuses.filter((status) => status !== 200).length;
  };
  expect(await missing(), "the stop must come before all are made, else this shows nothing").toBeGreaterThan(0);
  await waitFor(async () => {
    await product.tick();
    return (await missing()) === 0 && (await person.find("oystercatcher")).length === 1;
  }, 60_000);
});

async function uploadAndStop(data: string): Promise<[Person, string[]]> {
  await using product = await start(data);
  const person = await Person.register(product.url);
  const bytes = fixture("upright-phone.jpg");
  const pictures = await Promise.all(Array.from({ length: 24 }, (_, i) => person.upload(`${i}.jpg`, bytes)));
  await person.upload("last.txt", new TextEncoder().encode("an oystercatcher on the very last line"));
  return [person, pictures];
}
