/**
 * Failures of an MQTT connection as sentences that say what to do. Codes are read from errno and MQTT reason codes, never
 * from texts, except the one that mqtt-packet gives no code for. Never holds a user name or a password.
 */
import { type ErrorCode, messageOf, SedgeError } from '../errors.ts';

/** Where we connect to, as far as a message may tell. */
export interface BrokerPlace {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly clientId: string;
  /** MQTT over WebSockets, under this path. */
  readonly webPath?: string;
}

const at = ({ host, port }: BrokerPlace): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
const uplinkError = (code: ErrorCode, message: string, cause?: unknown): SedgeError =>
  new SedgeError(code, message, cause === undefined ? undefined : { cause });

/** MQTT 5 section 2.4 and 3.1.1 section 3.2.2.3, as far as they mean different things to do. */
const REFUSALS: Readonly<Record<number, string>> = {
  2: 'does not accept this client id',
  3: 'is not available now',
  4: 'does not accept the user name or password: check username and password_file',
  5: 'does not authorise this client: check username, password_file and its access rules',
  133: 'does not accept this client id',
  134: 'does not accept the user name or password: check username and password_file',
  135: 'does not authorise this client: check username, password_file and its access rules',
  136: 'is not available now',
  137: 'is busy',
  138: 'has banned this client',
  140: 'wants another way of authentication',
  149: 'finds our connect packet too large',
  151: 'says that a quota is used up',
  156: 'asks to use another server: check the URL',
  157: 'has moved: check the URL',
  159: 'sees too many connections from here',
};
/** 3.1.1: unacceptable protocol version; 5: unsupported protocol version. */
const WRONG_VERSION = new Set([1, 132]);

export const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check that the broker runs, and the host and port of the URL',
  ENOTFOUND: 'the name is not known: check the host of the URL and the name server',
  EAI_AGAIN: 'the name server does not answer: check the network',
  EHOSTUNREACH: 'no route to the host: check the network',
  ENETUNREACH: 'the network is not reachable: check the network',
  ETIMEDOUT: 'no answer: check the network and firewalls',
  EACCES: 'the system does not permit the connection: check firewalls',
};

export const TLS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself: give it as ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not known here: give that as ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that is not known here: give that as ca',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an authority that is not known here: give that as ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is signed by an authority that is not known here: give that as ca',
  CERT_SIGNATURE_FAILURE: 'the signature of its certificate is wrong',
  CERT_REVOKED: 'its certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: use the name that is in the certificate as host, or set server_name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port: use mqtt://, or its TLS port (often 8883)',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a certificate of this client: set cert_file and key_file',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'it wants a certificate of this client, or other ciphers: set cert_file and key_file',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the certificate of this client: check cert_file',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not accept the certificate of this client: check cert_file',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the certificate of this client has expired: renew cert_file',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'the certificate of this client was revoked: renew cert_file',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'it does not accept the certificate of this client: check cert_file',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it accepts no TLS version that is allowed here (1.2 or later)',
};

/** Why there is no connection. `nowMs` is wall time: a certificate is judged by it. */
export function connectError(error: unknown, place: BrokerPlace, nowMs: number): SedgeError {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'number') return refusedError(code, place);
  const errno = typeof code === 'string' ? code : '';
  const network = NETWORK[errno];
  if (network) return uplinkError('uplink.unreachable', `Cannot connect to ${at(place)}: ${network}.`, error);
  if (errno === 'CERT_NOT_YET_VALID') {
    const today = new Date(nowMs).toISOString().slice(0, 10);
    return uplinkError(
      'uplink.tls',
      `The certificate of ${at(place)} is not yet valid: the clock here says ${today} and is probably not set; this ends when it is.`,
      error,
    );
  }
  const tls = TLS[errno];
  if (tls) return uplinkError('uplink.tls', `${at(place)} cannot be trusted: ${tls}.`, error);
  if (errno.startsWith('ERR_SSL') || errno.startsWith('ERR_TLS') || errno === 'EPROTO') {
    return uplinkError(
      'uplink.tls',
      `TLS with ${at(place)} failed (${errno}): check the port and its certificate.`,
      error,
    );
  }
  if (errno === 'ECONNRESET' || errno === 'EPIPE') return closedEarlyError(place);
  return uplinkError('uplink.lost', `Cannot connect to ${at(place)}: ${messageOf(error)}.`, error);
}

export function refusedError(reason: number, place: BrokerPlace): SedgeError {
  if (WRONG_VERSION.has(reason)) {
    return uplinkError('uplink.version', `The broker at ${at(place)} does not speak this version of MQTT.`);
  }
  const why = REFUSALS[reason] ?? `refused the connection (MQTT reason ${reason})`;
  return uplinkError('uplink.refused', `The broker at ${at(place)} ${why}.`);
}

export function closedEarlyError(place: BrokerPlace): SedgeError {
  const hint = place.tls
    ? 'check that this port speaks TLS (often 8883), and use mqtt:// if it does not'
    : 'check that it is an MQTT port, and use mqtts:// if it wants TLS';
  return uplinkError('uplink.lost', `${at(place)} closed the connection before it answered: ${hint}.`);
}

export const noAnswerError = (place: BrokerPlace, limitMs: number): SedgeError =>
  uplinkError(
    'uplink.timeout',
    `${at(place)} did not answer within ${limitMs / 1000} s: check the network and the port.`,
  );

/** Why an open connection ended. */
export function lostError(error: unknown, place: BrokerPlace): SedgeError {
  // TLS 1.3 (RFC 8446 section 4.4.2.4): a broker that wants a certificate says so only after the handshake.
  const tls = TLS[String((error as { code?: unknown } | null | undefined)?.code)];
  if (tls) return uplinkError('uplink.tls', `${at(place)} ended the connection: ${tls}.`, error);
  // MQTT 5 reasons that mqtt-packet does not know (0x95, packet too large) arrive as a parse error without a code.
  if (error instanceof Error && error.message.startsWith('Invalid puback reason code')) {
    return uplinkError(
      'uplink.rejected',
      `The broker at ${at(place)} refused a message for a reason of its own.`,
      error,
    );
  }
  const why = error === undefined ? 'the other side closed it' : messageOf(error);
  return uplinkError('uplink.lost', `The connection to ${at(place)} was lost: ${why}.`, error);
}

const SESSION_TAKEN_OVER = 142;
const PACKET_TOO_LARGE = 149;
const SHUTTING_DOWN = 139;

/** MQTT 5 section 3.14.2.1: the broker said why it ends the connection. */
export function disconnectError(reason: number | undefined, place: BrokerPlace): SedgeError {
  if (reason === SESSION_TAKEN_OVER) {
    return uplinkError(
      'uplink.taken-over',
      `Another client took over the client id ${place.clientId} at ${at(place)}: give each station a device name of its own.`,
    );
  }
  if (reason === PACKET_TOO_LARGE)
    return uplinkError('uplink.rejected', `A message is too large for the broker at ${at(place)}.`);
  const why = reason === SHUTTING_DOWN ? 'shuts down' : `ended the connection (MQTT reason ${reason ?? 0})`;
  return uplinkError('uplink.lost', `The broker at ${at(place)} ${why}.`);
}

/** MQTT 5 section 3.4.2.1: a PUBACK of 0x80 or more is no delivery. */
export function rejectedError(error: unknown, topic: string, place: BrokerPlace): SedgeError {
  const reason = (error as { code?: unknown }).code;
  const why =
    reason === 135 || reason === 5
      ? 'is not authorised: check the access rules of the broker'
      : reason === PACKET_TOO_LARGE
        ? 'was refused: the message is too large for the broker'
        : `was refused (${messageOf(error)})`;
  return uplinkError('uplink.rejected', `Publishing to ${topic} at ${at(place)} ${why}.`, error);
}

export const tooLargeError = (bytes: number, place: BrokerPlace): SedgeError =>
  uplinkError('uplink.rejected', `A message of ${bytes} bytes is larger than the broker at ${at(place)} takes.`);

export const unacknowledgedError = (place: BrokerPlace, limitMs: number): SedgeError =>
  uplinkError('uplink.timeout', `The broker at ${at(place)} did not acknowledge a message within ${limitMs / 1000} s.`);

export const silentError = (place: BrokerPlace, limitMs: number): SedgeError =>
  uplinkError('uplink.timeout', `The broker at ${at(place)} did not answer a ping within ${limitMs / 1000} s.`);
