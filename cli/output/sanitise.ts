/** Controls (C0, C1), halves of characters, and what turns the text around it round or breaks its line unseen. */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/gu;

/** docs/spec/cli.md, CLI4: text that others wrote cannot move the cursor, set the title or turn itself round. */
export const sanitise = (text: string): string =>
  text.replaceAll(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
