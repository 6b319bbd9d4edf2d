import { DriveError } from "../protocol/errors.ts";

/** The longest name in UTF-8 bytes: what ext4, APFS and NTFS can all hold. */
export const NAME_MAX_BYTES = 255;

/** Not portable: `/` and NUL nowhere, the others not on Windows. */
const FORBIDDEN = new Set(["/", "\\", ":", "*", "?", '"', "<", ">", "|"]);

const encoder = new TextEncoder();
const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code <= 0x9f);

const describe = (char: string, code: number): string => {
  const point = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return isControl(code) ? `the control character ${point}` : `“${char}” (${point})`;
};

/**
 * The name as it is stored: NFC. Throws `name_invalid` with the offending character named.
 * Names are kept as people typed them otherwise; whether a given disk can hold one is that client's to say.
 */
export function parseName(raw: string): string {
  const name = raw.normalize("NFC");
  if (name === "") throw new DriveError("name_invalid", "A name cannot be empty.");
  if (name === "." || name === "..") throw new DriveError("name_invalid", `“${name}” cannot be a name.`);
  for (const char of name) {
    const code = char.codePointAt(0) as number;
    const loneSurrogate = code >= 0xd800 && code <= 0xdfff;
    if (FORBIDDEN.has(char) || isControl(code) || loneSurrogate) {
      const shown = loneSurrogate ? "a broken character" : describe(char, code);
      throw new DriveError("name_invalid", `A name cannot contain ${shown}.`, {
        character: loneSurrogate ? null : char,
      });
    }
  }
  const bytes = encoder.encode(name).length;
  if (bytes > NAME_MAX_BYTES)
    throw new DriveError("name_invalid", `A name can be ${NAME_MAX_BYTES} bytes long at most; this one has ${bytes}.`);
  return name;
}

/**
 * Two names with the same key clash within a folder: equal but for case or Unicode form.
 * Upper then lower case is the closest that JavaScript has to full case folding (Unicode, section 3.13, D144):
 * it maps `ß` to `ss`. The final sigma is folded by hand, for lower case depends on what follows, and the key of a name's
 * beginning must be the beginning of its key.
 */
export const nameKey = (name: string): string =>
  name.normalize("NFC").toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFC");

/** @param name as `parseName` gives it, @param holder who has it or its key; null when that was not read */
export function nameTaken(name: string, holder: { file_id: string; name: string } | null): DriveError {
  const isSame = holder === null || holder.name === name;
  return new DriveError(
    "name_taken",
    isSame ? `“${name}” exists already in this folder.` : `“${name}” differs only by case from “${holder.name}” here.`,
    { file_id: holder?.file_id ?? null },
  );
}

/** A longer ending is no extension that a program would look for; it is part of the stem. */
const EXTENSION_MAX_BYTES = 32;

const bytesOf = (text: string): number => encoder.encode(text).length;

export const splitName = (name: string): [stem: string, extension: string] => {
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 ? name.slice(dot) : "";
  return bytesOf(extension) <= EXTENSION_MAX_BYTES
    ? [name.slice(0, name.length - extension.length), extension]
    : [name, ""];
};

/** As much of a text as fits, whole characters. */
function cut(text: string, max_bytes: number): string {
  let out = "";
  let size = 0;
  for (const char of text) {
    size += bytesOf(char);
    if (size > max_bytes) break;
    out += char;
  }
  return out;
}

/** A stem with what comes behind it, never longer than a name may be. */
export const fit = (stem: string, suffix: string): string => cut(stem, NAME_MAX_BYTES - bytesOf(suffix)) + suffix;

/** The most digits that a numbered copy has. */
const WIDEST = " (99999999)";

/** What the keys of all names begin with that have this stem, `behind` in brackets, a number and the extension. */
export function prefixOf(stem: string, behind: string): string {
  const kept = cut(stem, NAME_MAX_BYTES - bytesOf(WIDEST + behind));
  return nameKey(kept === stem ? `${stem} (` : kept);
}

/** What the keys of all numbered copies of a name begin with. */
export const numberedPrefix = (name: string): string => prefixOf(...splitName(name));

/** `photo.jpg` -> `photo (2).jpg`, the first number whose key is free; never longer than a name may be. */
export function freeName(name: string, isTaken: (key: string) => boolean): string {
  const [stem, extension] = splitName(name);
  for (let n = 2; ; n++) {
    const candidate = fit(stem, ` (${n})${extension}`);
    if (!isTaken(nameKey(candidate))) return candidate;
  }
}
