import { expect, test } from 'vitest'
import { Config, checkConfig } from '../../../src/config/index.ts'
import { type LossPolicies, lossPolicyOf } from '../../../src/monitor/states/loss-policy.ts'

const POLICIES: LossPolicies = {
  '*': 'leave',
  'export.*': 'replay',
  'export.pdf': 'mark',
  'export.*.slow': 'leave',
  '*.daily.*': 'mark',
}

test.each([
  ['export.pdf', 'mark'],
  ['export.csv', 'replay'],
  ['export.csv.slow', 'leave'],
  ['import.daily.users', 'mark'],
  ['import.daily', 'leave'],
  ['', 'leave'],
] as const)('a lost "%s" is a case of %s: the longest pattern it fits', (name, policy) => {
  expect(lossPolicyOf(name, POLICIES)).toBe(policy)
  const turned = Object.fromEntries(Object.entries(POLICIES).reverse())
  expect(lossPolicyOf(name, turned)).toBe(policy)
})

test('a star stands for anything, but no part of a name is used twice', () => {
  expect(lossPolicyOf('aba', { 'ab*ba': 'replay' })).toBe('mark')
  expect(lossPolicyOf('abba', { 'ab*ba': 'replay' })).toBe('replay')
  expect(lossPolicyOf(null, {})).toBe('mark')
})

test('policies come from the settings, and a mistake in them is named', () => {
  const from = (text: string) =>
    ({ environment: { CELERY_RECONCILE: text }, dotenv: false, queues: ['export'] }) as const
  expect(new Config(from("{'export.*': 'replay'}")).RECONCILE).toEqual({ 'export.*': 'replay' })
  expect(new Config({ environment: {}, dotenv: false, queues: ['export'] }).RECONCILE).toEqual({
    '*': 'mark',
  })
  expect(checkConfig(from("{'export.*': 'retry'}")).join()).toMatch(
    /CELERY_RECONCILE.*retry.*a dict of 'leave' or 'mark' or 'replay'/,
  )
})
