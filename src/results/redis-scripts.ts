import { redisScript } from './redis-connection.ts'

/**
 * Keeps a result and tells who listens, unless there is a SUCCESS (as in Python), or the new state is not final and the
 * old one is. The state is looked for where every serializer but YAML puts it, at the beginning.
 * KEYS: result. ARGV: text, seconds or 0, "1" where it is final.
 */
export const SAVE_SCRIPT = redisScript(`
local head = redis.call('GETRANGE', KEYS[1], 0, 63)
local kept = string.match(head, 'status[^%a]+([%w_]+)')
if kept == 'SUCCESS' then return 0 end
if ARGV[3] ~= '1' and (kept == 'FAILURE' or kept == 'REVOKED') then return 0 end
if ARGV[2] == '0' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SETEX', KEYS[1], ARGV[2], ARGV[1])
end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
`)

/**
 * Counts a member once, whoever ran it, with the keys that Python's workers use (all of them; older ones use the first
 * three). Whoever finds all members counted claims the release; a second try with the same token has it still.
 * KEYS: members, added, size, seen, claim, group. ARGV: "1" where ordered, index, mark, entry, seconds for the
 * counters or 0, seconds for the group or 0, token, milliseconds of the claim.
 * Answers the state: "done", "uncounted", "open", "claimed" or "elsewhere".
 */
export const MEMBER_SCRIPT = redisScript(`
local members, added, size, seen, claim, group = unpack(KEYS)
local ordered, index, mark, entry = ARGV[1] == '1', ARGV[2], ARGV[3], ARGV[4]
if redis.call('GET', claim) == 'done' then return 'done' end
if redis.call('EXISTS', members) == 0 then redis.call('DEL', seen) end
if redis.call('SADD', seen, mark) == 1 then
  if not ordered then
    redis.call('RPUSH', members, entry)
  elseif index == '+inf' or redis.call('ZCOUNT', members, index, index) == 0 then
    redis.call('ZADD', members, index, entry)
  end
end
if ARGV[5] ~= '0' then
  for _, key in ipairs({members, added, size, seen}) do redis.call('EXPIRE', key, ARGV[5]) end
  if ARGV[6] ~= '0' then redis.call('EXPIRE', group, ARGV[6]) end
end
local wanted = redis.call('GET', size)
if not wanted then return 'uncounted' end
local count = ordered and redis.call('ZCARD', members) or redis.call('LLEN', members)
if count < tonumber(wanted) + tonumber(redis.call('GET', added) or '0') then return 'open' end
if redis.call('SET', claim, ARGV[7], 'NX', 'PX', ARGV[8]) then return 'claimed' end
return redis.call('GET', claim) == ARGV[7] and 'claimed' or 'elsewhere'
`)

/** KEYS: claim. ARGV: token, milliseconds. */
export const KEEP_CLAIM_SCRIPT = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

/** After a release that failed. KEYS: claim. ARGV: token. */
export const DROP_CLAIM_SCRIPT = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

/** After a release: members that come again find it done. KEYS: claim, then what is to go. ARGV: token, seconds. */
export const RELEASED_SCRIPT = redisScript(`
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
for n = 2, #KEYS do redis.call('DEL', KEYS[n]) end
redis.call('SET', KEYS[1], 'done', 'EX', ARGV[2])
return 1
`)
