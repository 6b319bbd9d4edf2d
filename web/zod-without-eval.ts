/** First import of the app: zod tries out `new Function` when a schema is made, and the content security policy forbids it. */
import { z } from "zod";

z.config({ jitless: true });
