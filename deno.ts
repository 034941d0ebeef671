/**
 * For those who have a connection of Deno's already, and need none of the other runtimes: what makes a connection of the
 * library's of it. The whole library has it, too.
 *
 * ```ts
 * import { Chat } from "@asynchat/asynchat";
 * import { fromDeno } from "@asynchat/asynchat/deno";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const [conn, accepted] = await Promise.all([Deno.connect({ port: listener.addr.port }), listener.accept()]);
 * const options = { terminator: "\n", encoding: "utf-8" } as const;
 * await using client = new Chat(fromDeno(conn), options);
 * await using server = new Chat(fromDeno(accepted), options);
 * await client.send("hello");
 * assertEquals(await server.read(), "hello");
 * listener.close();
 * ```
 *
 * @module
 */
export { type DenoAddrLike, type DenoConnLike, fromDeno } from "./src/adapters/deno.ts";
