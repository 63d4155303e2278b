import { type RedisScript, redisScript } from './connecting/connection.ts'

/** Answers whether it was kept. */
const SAVE = `
local function save(key, text, seconds, isFinal)
  local head = redis.pcall('GETRANGE', key, 0, 63)
  local kept = type(head) == 'string' and string.match(head, 'status[^%a]+([%w_]+)')
  if kept == 'SUCCESS' then return 0 end
  if isFinal ~= '1' and (kept == 'FAILURE' or kept == 'REVOKED') then return 0 end
  if seconds == '0' then redis.call('SET', key, text) else redis.call('SETEX', key, seconds, text) end
  redis.call('PUBLISH', key, text)
  return 1
end
`

/**
 * Keeps a result and notifies its subscribers, unless there is a SUCCESS (as in Python), or the new state is not final and the
 * old one is. The state is looked for where every serializer but YAML puts it, at the beginning; what is no text, such as a list,
 * is no result, and gives way.
 * KEYS: result. ARGV: text, seconds or 0, "1" where it is final.
 */
export const SAVE_SCRIPT: RedisScript = redisScript(
  `${SAVE} return save(KEYS[1], ARGV[1], ARGV[2], ARGV[3])`,
)

const COUNT = `
local members, added, size, seen, claim, group, unreleased = unpack(KEYS)
local ordered, index, mark, entry = ARGV[1] == '1', ARGV[2], ARGV[3], ARGV[4]
local function isThere()
  if index == '+inf' then return false end
  local id = string.match(mark, '^(.*):')
  local isPlain = string.find(entry, id, 1, true)
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', members, index, index)) do
    if not isPlain or string.find(other, id, 1, true) then return true end
  end
  return false
end
local function count()
  if redis.call('GET', claim) == 'done' then return 'done' end
  if redis.call('EXISTS', members) == 0 then redis.call('DEL', seen) end
  if redis.call('SADD', seen, mark) == 1 then
    if not ordered then
      redis.call('RPUSH', members, entry)
    elseif not isThere() then
      redis.call('ZADD', members, index, entry)
    end
  end
  if ARGV[5] ~= '0' then
    for _, key in ipairs({members, added, size, seen}) do redis.call('EXPIRE', key, ARGV[5]) end
    if ARGV[6] ~= '0' then redis.call('EXPIRE', group, ARGV[6]) end
  end
  local wanted = redis.call('GET', size)
  if not wanted then return 'uncounted' end
  local arrived = ordered and redis.call('ZCARD', members) or redis.call('LLEN', members)
  local due = (tonumber(wanted) or 0 / 0) + (tonumber(redis.call('GET', added) or '0') or 0 / 0)
  if due ~= due or due == math.huge then return redis.error_reply('WRONGTYPE ' .. size .. ' or ' .. added .. ' holds no number') end
  if arrived < due then return 'open' end
  if ARGV[10] ~= '' then
    local left = redis.pcall('HSETNX', unreleased, ARGV[9], ARGV[10])
    if type(left) == 'table' and not string.find(left.err, 'WRONGTYPE', 1, true) then return left end
    if ARGV[5] ~= '0' then redis.call('EXPIRE', unreleased, ARGV[5]) end
  end
  if redis.call('SET', claim, ARGV[7], 'NX', 'PX', ARGV[8]) then return 'claimed' end
  return redis.call('GET', claim) == ARGV[7] and 'claimed' or 'elsewhere'
end
`

/**
 * Counts a member once, in whichever language it ran, with the keys that Python's workers use (all of them; older ones use the first
 * three, so what they have counted is looked for at its index: by its id, as the members of a group within a chord share
 * indexes with others of the chord; where entries are compressed, by the index alone). The caller that finds all members
 * counted claims the release, and leaves the body in Redis for other workers, should it die before it has released it; a
 * second try with the same token has the claim still. Where the key of these bodies holds something else, none is left there:
 * that is no reason not to release.
 * KEYS: members, added, size, seen, claim, group, unreleased. ARGV: "1" where ordered, index, mark, entry, seconds for the
 * counters or 0, seconds for the group or 0, token, milliseconds of the claim, group id, body or "".
 * Answers the state: "done", "uncounted", "open", "claimed" or "elsewhere".
 */
export const MEMBER_SCRIPT: RedisScript = redisScript(`${COUNT} return count()`)

/** Both in one: KEYS and ARGV of `MEMBER_SCRIPT`, then those of `SAVE_SCRIPT`. */
export const SAVE_MEMBER_SCRIPT: RedisScript = redisScript(
  `${SAVE} ${COUNT} save(KEYS[8], ARGV[11], ARGV[12], ARGV[13]) return count()`,
)

/**
 * Counts a member more, once: the command may have been carried out though its answer was lost, and is sent again.
 * KEYS: added, addition. ARGV: seconds for the counter or 0, seconds in which it may be sent again.
 */
export const ADD_MEMBER_SCRIPT: RedisScript = redisScript(`
if redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[2]) then redis.call('INCR', KEYS[1]) end
if ARGV[1] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
`)

/**
 * Claims a chord that was left. KEYS: members, claim, unreleased. ARGV: token, milliseconds, group id.
 * Answers "claimed", "elsewhere", or "gone" where nothing is left to release.
 */
export const CLAIM_SCRIPT: RedisScript = redisScript(`
local members, claim, unreleased = unpack(KEYS)
if redis.call('GET', claim) == 'done' or redis.call('EXISTS', members) == 0 then
  redis.call('HDEL', unreleased, ARGV[3])
  return 'gone'
end
return redis.call('SET', claim, ARGV[1], 'NX', 'PX', ARGV[2]) and 'claimed' or 'elsewhere'
`)

/** KEYS: claim. ARGV: token, milliseconds. */
export const KEEP_CLAIM_SCRIPT: RedisScript = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

/** After a release that failed. KEYS: claim. ARGV: token. */
export const DROP_CLAIM_SCRIPT: RedisScript = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

/**
 * After a release: members that come again find it done. KEYS: unreleased, claim, then what is to go. ARGV: token, seconds,
 * group id.
 */
export const RELEASED_SCRIPT: RedisScript = redisScript(`
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return 0 end
redis.pcall('HDEL', KEYS[1], ARGV[3])
for n = 3, #KEYS do redis.call('DEL', KEYS[n]) end
redis.call('SET', KEYS[2], 'done', 'EX', ARGV[2])
return 1
`)
