import { base64url, errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { ACCESS_TTL, type Claims } from "../../core/identity/model.ts";
import type { TokenSigner } from "../../core/identity/ports.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import { idSchema } from "../../core/protocol/ids.ts";

const ISSUER = "edgedrive";
const ALGORITHM = "HS256";

const payloadSchema = z.object({
  sub: idSchema,
  sid: idSchema,
  did: idSchema,
  dname: z.string().default(""),
  role: z.enum(["admin", "member"]),
  plan: z.string(),
});

/** Access tokens: JWTs of 15 minutes, signed by a secret that every isolate has, so verified with no database. */
export class JwtTokens implements TokenSigner {
  readonly #key: Uint8Array;

  constructor(secret: string) {
    this.#key = new TextEncoder().encode(secret);
  }

  sign({ user_id, session_id, device_id, device_name, role, plan }: Claims, now: number): Promise<string> {
    return new SignJWT({ sid: session_id, did: device_id, dname: device_name, role, plan })
      .setProtectedHeader({ alg: ALGORITHM })
      .setIssuer(ISSUER)
      .setSubject(user_id)
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(Math.floor((now + ACCESS_TTL) / 1000))
      .sign(this.#key);
  }

  /** Throws `token_expired` or `token_invalid`. */
  async verify(token: string): Promise<Claims> {
    try {
      const { payload } = await jwtVerify(token, this.#key, { issuer: ISSUER, algorithms: [ALGORITHM] });
      const { sub, sid, did, dname, role, plan } = payloadSchema.parse(payload);
      return { user_id: sub, session_id: sid, device_id: did, device_name: dname, role, plan };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new DriveError("token_expired", "The access token has expired.");
      throw new DriveError("token_invalid", "The access token is not valid.");
    }
  }

  // A field, so that it can be passed on by itself.
  readonly fingerprint = async (secret: string): Promise<string> => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
    return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
  };

  /** HMAC-SHA-256 (RFC 2104). The line breaks keep its input apart from that of a JWT's signature, which has none. */
  async nextSecret(session_id: string, secret: string, idempotency_key: string): Promise<string> {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", this.#key as Uint8Array<ArrayBuffer>, algorithm, false, ["sign"]);
    const said = new TextEncoder().encode(["refresh", session_id, secret, idempotency_key].join("\n"));
    return base64url.encode(new Uint8Array(await crypto.subtle.sign("HMAC", key, said)));
  }
}
