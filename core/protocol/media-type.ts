/** Media types as people and programs send them: RFC 9110, 8.3.1, with the names of RFC 6838, 4.2. */
import { z } from "zod";

export interface MediaType {
  /** `type/subtype`, lower case: all that decides how bytes are treated. */
  essence: string;
  /** The whole, as it is stored and sent: names in lower case, values as they were. */
  text: string;
}

const NAME = "[a-z0-9][a-z0-9!#$&^_.+-]{0,126}";
const TOKEN = "[!#$%&'*+.^_`|~0-9a-z-]+";
// Printable ASCII without a comma: whoever reads a header as a list would find two types in one.
const QUOTED = '"(?:[ !#-+\\x2d-\\[\\]-~]|\\\\[ -+\\x2d-~])*"';
const PARAMETER = ` *; *(${TOKEN})=(${TOKEN}|${QUOTED})`;

const MEDIA_TYPE = new RegExp(`^(${NAME}/${NAME})((?:${PARAMETER})*)$`, "i");
const PARAMETERS = new RegExp(PARAMETER, "gi");

/** Null for what is none, such as of a line break, a comma, or a parameter without a value. */
export function parseMediaType(said: string): MediaType | null {
  const found = MEDIA_TYPE.exec(said);
  if (found === null) return null;
  const essence = (found[1] as string).toLowerCase();
  const parameters = Array.from(
    (found[2] as string).matchAll(PARAMETERS),
    ([, name, value]) => `${name?.toLowerCase()}=${value}`,
  );
  return { essence, text: [essence, ...parameters].join("; ") };
}

export const mimeTypeSchema = z
  .string()
  .max(200)
  .refine((said) => parseMediaType(said) !== null, "is not a media type")
  .overwrite((said) => parseMediaType(said)?.text ?? said);
