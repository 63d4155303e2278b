import { execFileSync } from 'node:child_process'

/** Runs a Python program that needs the standard library only, and gives back what it prints. */
export function python(program: string, input: Uint8Array | string = ''): Buffer {
  return execFileSync('python3', ['-c', program], { input, maxBuffer: 100_000_000 })
}
