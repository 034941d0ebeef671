import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { UserError } from "../../../examples/command_line.ts";
import { parseRedisUrl, type RedisPlace } from "../../../examples/redis/url.ts";

const HERE: RedisPlace = {
  hostname: "127.0.0.1",
  port: 6379,
  isTls: false,
  username: undefined,
  password: undefined,
  database: 0,
};

test("parseRedisUrl() reads host, port, TLS, user, password and database", () => {
  const urls: readonly (readonly [string, Partial<RedisPlace>])[] = [
    ["redis://127.0.0.1", {}],
    ["redis://127.0.0.1/", {}],
    ["redis://127.0.0.1:7000/15", { port: 7000, database: 15 }],
    ["rediss://example.com", { hostname: "example.com", isTls: true }],
    ["redis://:secret@127.0.0.1", { password: "secret" }],
    ["redis://ada:p%40ss%2F%3A@127.0.0.1", { username: "ada", password: "p@ss/:" }],
    ["redis://[::1]:7000", { hostname: "[::1]", port: 7000 }],
  ];
  for (const [url, place] of urls) assertEquals(parseRedisUrl(url), { ...HERE, ...place }, url);
});

test("parseRedisUrl() says what is wrong with a URL, without its password", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["", /no URL/],
    ["localhost:6379", /localhost: is neither redis: nor rediss:/],
    ["http://127.0.0.1", /http: is neither/],
    ["redis://", /no host/],
    ["redis://:secret@127.0.0.1:0", /1 to 65535/],
    ["redis://:secret@127.0.0.1:99999", /no URL/],
    ["redis://:secret@127.0.0.1/x", /database is a number/],
    ["redis://:secret@127.0.0.1/-1", /database is a number/],
    ["redis://:secret@127.0.0.1?db=1", /neither a query nor/],
    ["redis://:secret%FF@127.0.0.1", /percent-encoding/],
  ];
  for (const [url, why] of wrong) {
    const { message } = assertThrows(() => parseRedisUrl(url), UserError);
    assertMatch(message, why, url);
    assert(!message.includes("secret"), message);
  }
});
