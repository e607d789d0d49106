// Leaves out a service as the first lines of compose.yaml say: node leave-out.mjs SERVICE < compose.yaml
import { readFileSync } from "node:fs";

const service = process.argv[2];
const lines = readFileSync(0, "utf8").split("\n");
const comment = (from, deeper) => {
  lines[from] = `# ${lines[from]}`;
  for (let i = from + 1; deeper.test(lines[i] ?? ""); i++) lines[i] = `# ${lines[i]}`;
};
comment(lines.indexOf(`  ${service}:`), /^( {4}|$)/);
for (let i = 0; i < lines.length; i++) {
  if (lines[i] === `      ${service}:`) comment(i, /^ {8}/);
  if (lines[i].endsWith(`# without ${service}, comment out this line too`)) comment(i, /$^/);
}
process.stdout.write(lines.join("\n").replace(/^ {4}depends_on:\n((# .*\n)*)(?! {6}|# )/gm, "#     depends_on:\n$1"));
