/**
 * The configuration that `sedge service install` leaves where there is none: valid and useful at once, with the sensors that a
 * scan found, the rest to uncomment.
 */
const EXAMPLES = `\
  # "sedge scan" shows what is on the bus, "sedge drivers" what can be measured.
  # air:   { driver: bme280, bus: 1, address: 0x76, every: 10s }
  # light: { driver: bh1750, every: 1m }
  # door:  { driver: gpio-input, line: 17, options: { debounce: 20ms } }
  # motor: { driver: adxl345, every: 1m, options: { mode: burst, rate: 200Hz, window: 1s } }
`;

/** `found`: a line of YAML for each sensor that was found. */
export const startingConfig = (found: readonly string[] = []): string => `\
# Sedge: what this station measures and where it sends it.
# After a change:  sudo sedge check && sudo systemctl reload sedge
version: 1

# Names the station in every topic; the default is the host name.
# device: greenhouse-1

sensors:
  # The board itself: temperature, load, memory, disk. Needs no wiring.
  board: { driver: host, every: 1m }

${
  found.length === 0
    ? EXAMPLES
    : `  # Found by "sedge scan" when this file was made. Name them as you like: names are part of topics and records.
  # "sedge drivers NAME" shows what each can do.
${found.join('\n')}
`
}
# Without an uplink everything is kept in the journal, up to its size; an uplink added later sends it.
# uplinks:
#   cloud:
#     type: mqtt
#     url: "mqtts://broker.example:8883"
#     username: greenhouse-1
#     # The content of /etc/credstore/sedge.password, which only root can read; see docs/service.md.
#     password_file: \${CREDENTIALS_DIRECTORY}/sedge.password

# journal:
#   max_size: 512MB
#   when_full: drop_oldest
`;
