import mime from "mime";

/** Types that tell nothing: what clients send when they do not know. */
const VAGUE = /^(application\/(octet-stream|x-www-form-urlencoded)|multipart\/)/;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;.*)?$/;

/** A file's type: as the client said, else by its extension. */
export function mediaTypeOf(name: string, said?: string): string {
  if (said !== undefined && said.length <= 200 && MEDIA_TYPE.test(said) && !VAGUE.test(said)) return said;
  return mime.getType(name) ?? "application/octet-stream";
}
