/**
 * Whom an address stands for: itself, or the /64 of an IPv6 one, which is what one subscriber has. RFC 4291, 2.2: `::`
 * stands for as many groups of zeros as are missing, and groups have no leading zeros that count.
 */
export function subscriberOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groupsOf = (text: string | undefined): string[] => (text ? text.split(":") : []);
  const [first, last] = [groupsOf(head), groupsOf(tail)];
  // `::ffff:192.0.2.1`: the IPv4 address stands for two groups, and is the subscriber itself.
  const embedded = [...first, ...last].at(-1) ?? "";
  if (embedded.includes(".")) return embedded;
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  const groups = tail === undefined ? first : [...first, ...zeros, ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
