/** Which modules are loaded with which. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a module imports when it is loaded, and not only for the types. */
function importsOf(file: string): string[] {
  return [
    ...readFileSync(file, "utf8").matchAll(
      /^(?:import|export)\b(?! type\b)[^;]*?from "(.+?)";$/gms,
    ),
  ]
    .map((match) => match[1]!);
}

/** Every module that is loaded with this one: static imports, and theirs. */
export function loadedWith(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const name of importsOf(file)) {
    if (name.startsWith(".")) loadedWith(join(dirname(file), name).replaceAll("\\", "/"), found);
    else found.add(name);
  }
  return found;
}
