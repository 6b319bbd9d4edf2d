import { expect, it } from "vitest";
import { subscriberOf } from "./address.ts";

it.for([
  ["192.0.2.1", "192.0.2.1"],
  ["local", "local"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:db8::2:3:4:5", "2001:db8:0:0::/64"],
  ["2001:DB8:0:0:ffff::1", "2001:db8:0:0::/64"],
  ["2001:0db8:0000:0000:1:2:3:4", "2001:db8:0:0::/64"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
] as const)("L10: %s is %s", ([address, subscriber]) => {
  expect(subscriberOf(address)).toBe(subscriber);
});
