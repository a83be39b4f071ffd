// Runs each script of this folder in mongosh, against the server that SMONGO_URI names.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

const here = import.meta.dirname;
const mongosh = createRequire(path.join(here, "../node/package.json")).resolve("mongosh/bin/mongosh.js");
// The shell keeps settings and a history below the home folder.
const home = mkdtempSync(path.join(os.tmpdir(), "smongo-mongosh-"));

let failed = 0;
const scripts = readdirSync(here)
  .filter((name) => name.endsWith(".js"))
  .sort();
for (const script of scripts) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [mongosh, "--quiet", process.env.SMONGO_URI, "--file", path.join(here, script)],
    {
      encoding: "utf8",
      env: { ...process.env, HOME: home, MONGOSH_FORCE_DISABLE_TELEMETRY_FOR_TESTING: "1" },
      timeout: 120_000,
    },
  );
  if (status === 0) {
    console.log(`ok ${script}`);
  } else {
    failed += 1;
    console.log(`FAILED ${script}\n${stdout}${stderr}`);
  }
}
rmSync(home, { recursive: true, force: true });
console.log(`mongosh: ${scripts.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 || scripts.length === 0 ? 1 : 0;
