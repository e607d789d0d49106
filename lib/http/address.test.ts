import { expect, it } from "vitest";
import { addRoute, readAddress } from "./address.js";

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });

it.each([
  ["http://localhost:5000", { origin: "http://localhost:5000", path: "/", headers: {}, shown: "http://localhost:5000" }],
  [
    "https://user:s%40cret@host/base/?key=7",
    { origin: "https://host", path: "/base/?key=7", headers: basic("user:s@cret"), shown: "https://host/base/?***" },
  ],
  ["http://user@host", { origin: "http://host", path: "/", headers: basic("user:"), shown: "http://host" }],
  ["http://:50%@host/", { origin: "http://host", path: "/", headers: basic(":50%"), shown: "http://host" }],
])("reads %s", (address, parts) => {
  expect(readAddress(address)).toEqual(parts);
});

it.each([
  ["http://host", "http://host/predict"],
  ["http://host/", "http://host/predict"],
  ["http://user:secret@host/base/?key=7", "http://user:secret@host/base/predict?key=7"],
])("adds a route to %s", (address, route) => {
  expect(addRoute(address, "predict")).toBe(route);
});
