/**
 * Mutants that no test can notice, each with the reason. An entry that no survivor needs any more fails a whole run, so that
 * this list cannot outlive its reasons.
 */

export interface Explanation {
  /** The driver, or several with the same line. */
  readonly drivers: readonly string[];
  readonly rule: string;
  /** In the line as it is. */
  readonly line: RegExp;
  /** In the line as the mutant has it, where other mutants of the line are noticed. */
  readonly is?: RegExp;
  readonly reason: string;
}

export const EXPLAINED: readonly Explanation[] = [
  {
    drivers: ['hdc2080'],
    rule: 'every wait too short',
    line: /^$/,
    reason:
      'after the wait it asks the status until the chip says that it is ready: an early look is only one more look',
  },
  {
    drivers: ['hdc2080'],
    rule: 'wait too short',
    line: /MEASUREMENT_MS/,
    reason: 'the same: the status decides, not the wait',
  },
  {
    drivers: ['mock'],
    rule: 'shift',
    line: /seed >>> 0/,
    reason: 'another seed makes another walk, which is as good',
  },
  {
    drivers: ['bmp388'],
    rule: 'wait too short',
    line: /START_UP_MS/,
    reason:
      'the simulated registers keep the calibration over a reset, so a look before its 2 ms are over finds it too',
  },
  {
    drivers: ['sht3x'],
    rule: 'wait too short',
    line: /SOFT_RESET/,
    reason: 'the driver waits 2 ms for a reset of at most 1.5 ms: a fifth less is still enough',
  },
];
