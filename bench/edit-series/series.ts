/** The pairs of versions, made from packages that Debian and npm publish; kept under `directory`, made once. */
import { execFileSync } from "node:child_process";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { DatabaseSync } from "node:sqlite";
import { createGunzip } from "node:zlib";

export interface Pair {
  name: string;
  before: string;
  after: string;
}

/** Debian's Python: the one that its packages of openpyxl, docx and mutagen are for. */
const PYTHON = "/usr/bin/python3";

export async function makeSeries(directory: string): Promise<Pair[]> {
  mkdirSync(directory, { recursive: true });
  const at = (name: string) => join(directory, name);
  const pair = async (
    name: string,
    ending: string,
    make: (before: string, after: string) => unknown,
  ): Promise<Pair> => {
    const made = { name, before: at(`${name}.1${ending}`), after: at(`${name}.2${ending}`) };
    if (!existsSync(made.after)) await make(made.before, made.after);
    return made;
  };
  const office = (what: string, before: string, after: string, source: string) =>
    run(directory, PYTHON, [join(import.meta.dirname, "make-office.py"), what, before, after, source]);

  const available = at("available");
  if (!existsSync(available)) writeFileSync(available, run(directory, "apt-cache", ["dumpavail"]));
  const xlsx = await pair("xlsx-openpyxl", ".xlsx", (b, a) => office("xlsx", b, a, available));
  const docx = await pair("docx", ".docx", (b, a) => office("docx", b, a, available));
  return [
    await pair("source-patch", ".tar", npm(directory, "typescript", "5.6.2", "5.6.3")),
    await pair("source-minor", ".tar", npm(directory, "typescript", "5.5.4", "5.6.2")),
    await pair("csv", ".csv", (b, a) => csv(available, b, a)),
    await pair("log", ".log", (b, a) => log(available, b, a)),
    await pair("sqlite", ".db", (b, a) => sqlite(available, b, a)),
    await pair("media", ".mp3", async (b, a) => office("media", b, a, await song(directory))),
    await pair("package-rebuilt", ".tar", debs(directory, "libreoffice-core-nogui")),
    await pair("library-rebuilt", ".tar", debs(directory, "libjavascriptcoregtk-4.1-0")),
    docx,
    xlsx,
    await pair("xlsx-libreoffice", ".xlsx", libreOffice(directory, "xlsx", xlsx)),
    await pair("odt-libreoffice", ".odt", libreOffice(directory, "odt", docx)),
  ];
}

const run = (cwd: string, program: string, args: string[]): Buffer =>
  execFileSync(program, args, { cwd, maxBuffer: 2 ** 30, stdio: ["ignore", "pipe", "ignore"] });

/** Two releases of a package, as tars. */
const npm = (directory: string, name: string, one: string, two: string) => async (before: string, after: string) => {
  for (const [version, tar] of [
    [one, before],
    [two, after],
  ] as const) {
    run(directory, "npm", ["pack", "--silent", `${name}@${version}`]);
    await pipeline(createReadStream(join(directory, `${name}-${version}.tgz`)), createGunzip(), createWriteStream(tar));
  }
};

/** The data of the two newest builds of a Debian package, as tars. */
const debs = (directory: string, name: string) => (before: string, after: string) => {
  const versions = run(directory, "apt-cache", ["madison", name])
    .toString()
    .split("\n")
    .flatMap((line) => line.split("|")[1]?.trim() ?? []);
  const [two, one] = [...new Set(versions)];
  if (one === undefined || two === undefined) throw new Error(`apt knows fewer than two versions of ${name}`);
  for (const [version, tar] of [
    [one, before],
    [two, after],
  ] as const)
    writeFileSync(tar, run(directory, "dpkg-deb", ["--fsys-tarfile", download(directory, name, version)]));
};

function download(directory: string, name: string, version?: string): string {
  run(directory, "apt-get", ["download", version === undefined ? name : `${name}=${version}`]);
  const wanted = version === undefined ? "" : version.replace(/^.*:/, "");
  const file = readdirSync(directory).find((f) => f.startsWith(`${name}_`) && f.endsWith(".deb") && f.includes(wanted));
  if (file === undefined) throw new Error(`${name} ${version} was not downloaded`);
  return join(directory, file);
}

async function song(directory: string): Promise<string> {
  const tar = run(directory, "dpkg-deb", ["--fsys-tarfile", download(directory, "asc-music")]);
  execFileSync("tar", ["-x", "--strip-components=6"], { cwd: directory, input: tar });
  return join(directory, "frontiers.mp3");
}

/** The same two documents, as LibreOffice saves them. */
const libreOffice = (directory: string, ending: string, source: Pair) => (before: string, after: string) => {
  for (const [from, to] of [
    [source.before, before],
    [source.after, after],
  ] as const) {
    const out = join(directory, "saved");
    run(directory, "soffice", ["--headless", "--convert-to", ending, "--outdir", out, from]);
    writeFileSync(
      to,
      readFileSync(
        join(
          out,
          from
            .split("/")
            .at(-1)!
            .replace(/\.\w+$/, `.${ending}`),
        ),
      ),
    );
  }
};

/** A number generator that is the same every time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const COLUMNS = [
  "Package",
  "Version",
  "Architecture",
  "Installed-Size",
  "Maintainer",
  "Section",
  "Filename",
  "Size",
  "SHA256",
  "Homepage",
  "Description",
];

function records(available: string): string[][] {
  return readFileSync(available, "utf8")
    .split("\n\n")
    .filter((record) => record !== "")
    .map((record) => {
      const fields = new Map(
        record.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      return COLUMNS.map((column) => fields.get(column) ?? "");
    });
}

/** 60 numbers changed, scattered over the file. */
function csv(available: string, before: string, after: string): void {
  const rows = records(available);
  const text = () => rows.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(",")).join("\n");
  writeFileSync(before, text());
  const random = numbers(1);
  for (let i = 0; i < 60; i++)
    rows[Math.floor(random.next().value * rows.length)]![3] = String(Math.floor(random.next().value * 1e6));
  writeFileSync(after, text());
}

/** As dpkg's log; one part in three hundred is appended. */
function log(available: string, before: string, after: string): void {
  const random = numbers(2);
  let time = Date.UTC(2026, 0, 1);
  const lines = [...records(available), ...records(available), ...records(available)].map(
    ([name, version, architecture]) => {
      time += Math.floor(random.next().value * 90_000);
      return `${new Date(time).toISOString()} status installed ${name}:${architecture} ${version} in ${Math.floor(random.next().value * 5000)} ms\n`;
    },
  );
  writeFileSync(before, lines.slice(0, -Math.floor(lines.length / 300)).join(""));
  writeFileSync(after, lines.join(""));
}

/** 150 rows of an indexed table updated, scattered. */
function sqlite(available: string, before: string, after: string): void {
  const database = new DatabaseSync(before);
  database.exec(`CREATE TABLE packages (id INTEGER PRIMARY KEY, ${COLUMNS.map((c) => `"${c}" TEXT`).join(", ")});
    CREATE INDEX by_name ON packages ("Package"); BEGIN`);
  const insert = database.prepare(`INSERT INTO packages VALUES (NULL, ${COLUMNS.map(() => "?").join(", ")})`);
  const rows = records(available);
  for (const row of rows) insert.run(...row);
  database.exec("COMMIT");
  database.close();
  writeFileSync(after, readFileSync(before));
  const changed = new DatabaseSync(after);
  const random = numbers(3);
  const update = changed.prepare(`UPDATE packages SET "Version" = ?, "Size" = ? WHERE id = ?`);
  changed.exec("BEGIN");
  for (let i = 0; i < 150; i++)
    update.run(
      `${i}.${Math.floor(random.next().value * 100)}-1`,
      String(Math.floor(random.next().value * 1e6)),
      1 + Math.floor(random.next().value * rows.length),
    );
  changed.exec("COMMIT");
  changed.close();
}
