/** Which hosts are this machine or its own network, by name or address: no fleet can flood them, no stranger listens. Pure. */

const LOCAL_NAME = /^[^.:]+$|\.(local|lan|internal|home\.arpa)$/i;
/** RFC 1122 loopback, RFC 1918 private, RFC 3927 link-local. */
const LOCAL_IPV4 = /^(127|10)\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\.|^169\.254\./;
/** Loopback, RFC 4193 unique local, RFC 4291 link-local. */
const LOCAL_IPV6 = /^(::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i;

/** Whether a host name or address is this machine or its own network. */
export function isLocalHost(host: string): boolean {
  if (host.includes(':')) return LOCAL_IPV6.test(host);
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? LOCAL_IPV4.test(host) : LOCAL_NAME.test(host);
}
