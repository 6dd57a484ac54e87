import { BlockList, isIP } from "node:net";

/**
 * Whether an address is not a public one: this machine, a private or link-local network (169.254.169.254 is the cloud's metadata
 * service), multicast, reserved for something else, or a disguise of such an IPv4 address. Lists:
 * https://www.iana.org/assignments/iana-ipv4-special-registry and https://www.iana.org/assignments/iana-ipv6-special-registry
 */
export function isForbiddenAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return special.check(address, "ipv4");
    case 6:
      return !globalUnicast.check(address, "ipv6") || special.check(address, "ipv6");
    default:
      return true;
  }
}

/** All else in IPv6 is local, multicast, mapped, translated (64:ff9b::/96) or not handed out. */
const globalUnicast = new BlockList();
globalUnicast.addSubnet("2000::", 3, "ipv6");

const special = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const) {
  special.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  // Protocol assignments: Teredo, ORCHID, benchmarking.
  ["2001::", 23],
  ["2001:db8::", 32],
  // 6to4 carries an IPv4 address.
  ["2002::", 16],
  ["3fff::", 20],
] as const) {
  special.addSubnet(network, prefix, "ipv6");
}
