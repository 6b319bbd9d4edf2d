import { R2KeyCopies } from "../../platform/r2/key-copies.ts";
import { MemoryKeyCopies } from "../support/memory/engine.ts";
import { apiEnv } from "../support/workerd/api.ts";
import { keyCopiesContract } from "./key-copies.ts";

keyCopiesContract("R2", () => new R2KeyCopies(apiEnv.BLOBS));
keyCopiesContract("memory", () => new MemoryKeyCopies());
