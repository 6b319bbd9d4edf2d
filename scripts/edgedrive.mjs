#!/usr/bin/env node
// The command line, on whatever Node its user has: docs/spec/cli.md.
import { handOver } from "./lib/hand-over.mjs";

handOver("cli/main.ts", process.argv.slice(2));
