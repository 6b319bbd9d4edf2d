import animation from "../../fixtures/animation.gif?inline";
import letter from "../../fixtures/letter.pdf?inline";
import picture from "../../fixtures/picture.webp?inline";
import progressive from "../../fixtures/progressive.jpg?inline";
import transparent from "../../fixtures/transparent.png?inline";
import uprightPhone from "../../fixtures/upright-phone.jpg?inline";

const bytesOf = (url: string): Uint8Array =>
  Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (c) => c.charCodeAt(0));

/**
 * Real files. The pictures show red, green, blue and yellow in their corners, left to right and top to bottom, as they
 * are to be seen; the phone's is stored lying down (EXIF orientation 6) and says where it was taken.
 */
export const fixtures = {
  "animation.gif": bytesOf(animation),
  "letter.pdf": bytesOf(letter),
  "picture.webp": bytesOf(picture),
  "progressive.jpg": bytesOf(progressive),
  "transparent.png": bytesOf(transparent),
  "upright-phone.jpg": bytesOf(uprightPhone),
};
