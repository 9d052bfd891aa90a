// What a first visit loads may cost so many bytes, packed as the server packs it; more fails the build.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const folder = new URL(process.argv[2] ?? "../../api-server/ui/", import.meta.url);
const KB = 1000;
const page = readFileSync(new URL("index.html", folder), "utf8");
const packed = (name) =>
  gzipSync(readFileSync(new URL(`assets/${name}`, folder)), { level: 9 }).length;
const names = readdirSync(new URL("assets/", folder));
const first = names.filter((name) => page.includes(name));
const sum = (some) => some.reduce((total, name) => total + packed(name), 0);

const budgets = [
  ["JavaScript at first", sum(first.filter((name) => name.endsWith(".js"))), 150 * KB],
  ["styles", sum(names.filter((name) => name.endsWith(".css"))), 15 * KB],
  ["type", sum(names.filter((name) => name.endsWith(".woff2"))), 30 * KB],
  ["all of it, which the server's image carries", sum(names), 220 * KB],
];
for (const name of names.filter((name) => name.endsWith(".js") && !first.includes(name))) {
  budgets.push([`${name}, loaded later`, packed(name), 40 * KB]);
}
let over = false;
for (const [what, is, most] of budgets) {
  over ||= is > most;
  const mark = is > most ? "OVER" : "ok  ";
  process.stdout.write(`${mark} ${what}: ${(is / KB).toFixed(1)} of ${most / KB} kB\n`);
}
process.exit(over ? 1 : 0);
