import { z } from "zod";
import { idSchema } from "./common.ts";

export const diffQuerySchema = z.object({
  from: idSchema,
  to: idSchema,
  format: z.enum(["unified", "side_by_side"]).default("unified"),
});

const lineSchema = z.object({ number: z.number().int().min(1), text: z.string() }).nullable();

export const sideBySideSchema = z
  .object({
    from: idSchema,
    to: idSchema,
    minimal: z.boolean().meta({ description: "False when the texts are too far apart to find the smallest change." }),
    hunks: z.array(
      z.object({
        left_start: z.number().int(),
        right_start: z.number().int(),
        rows: z.array(z.object({ changed: z.boolean(), left: lineSchema, right: lineSchema })),
      }),
    ),
  })
  .meta({ id: "SideBySide" });
export type SideBySide = z.infer<typeof sideBySideSchema>;
