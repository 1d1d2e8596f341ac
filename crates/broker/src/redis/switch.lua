-- Moving a log here from a process's memory, and back, a part of the text that begins with log.lua,
-- by its rules.
--
-- The copy stands beside the log under names of its own, with the token of the switch that makes it:
-- a newer switch begins it anew, and one that was overtaken is refused (`fenced`). What a crash left
-- goes by itself.

local STAGED_TTL_MS = 3600000

-- Copies events, in order. KEYS: stream, ages, keys, queue, meta of the copy. ARGV: token; `anew` or
-- `more`; number before the first event; ms that the clock is ahead; how many events, and for each
-- its number, epoch, envelope; how many marks, and for each how many ms ago it began and ended, and
-- its number; then for each idempotency key the key, its fingerprint, how many ms ago it was used,
-- how many events it stored, and the rest of its value.
function lib.stage(keys, a)
  local stream, ages, done, queue, meta = unpack(keys)
  local m = redis.call('HMGET', meta, 'token', 'head')
  local token, head = tonumber(m[1] or '0'), m[2]
  -- What another program has under these names is not ours to delete.
  redis.call('XLEN', stream)
  redis.call('LLEN', ages)
  redis.call('HLEN', done)
  redis.call('LLEN', queue)
  if token > tonumber(a[1]) then return { 'fenced', text(token) } end
  if a[2] == 'anew' then
    redis.call('HSET', meta, 'token', a[1], 'head', a[3], 'kept', '0')
    redis.call('UNLINK', stream, ages, done, queue)
    head = a[3]
  elseif token < tonumber(a[1]) then
    return { 'unstaged' }
  end
  if head ~= a[3] then return { 'at', head } end
  local at, now, kept = 6, now_ms(a[4]), 0
  for _ = 1, tonumber(a[5]) do
    redis.call('XADD', stream, a[at] .. '-0', 'envelope', a[at + 2], 'epoch', a[at + 1])
    head, at = a[at], at + 3
  end
  local marks = tonumber(a[at])
  at = at + 1
  for _ = 1, marks do
    redis.call('RPUSH', ages, text(now - tonumber(a[at])) .. ':' .. text(now - tonumber(a[at + 1]))
      .. ':' .. a[at + 2])
    at = at + 3
  end
  while a[at] do
    local used = text(now - tonumber(a[at + 2]))
    if redis.call('HSETNX', done, a[at], a[at + 1] .. ' ' .. used .. ' ' .. a[at + 4]) == 1 then
      redis.call('RPUSH', queue, used .. ' ' .. a[at])
      kept = kept + tonumber(a[at + 3])
    end
    at = at + 5
  end
  redis.call('HSET', meta, 'head', head)
  redis.call('HINCRBY', meta, 'kept', kept)
  for _, key in ipairs(keys) do redis.call('PEXPIRE', key, STAGED_TTL_MS) end
  return { 'staged', head }
end

-- Digests what stands in a stream from one number to another: how many entries there are, and SHA-1
-- of a line for each, `NUMBER EPOCH SHA-1 of the envelope`. It finds a copy that is not the same, by
-- whatever accident; Redis has no SHA-256.
function lib.digest(keys, a)
  local lines = {}
  for _, entry in ipairs(redis.call('XRANGE', keys[1], a[1] .. '-0', a[2] .. '-0')) do
    local seq = seq_of(entry[1])
    if not seq or #entry[2] ~= 4 then return { 'foreign', keys[1] } end
    lines[#lines + 1] = text(seq) .. ' ' .. entry[2][4] .. ' ' .. redis.sha1hex(entry[2][2])
  end
  return { 'digest', text(#lines), redis.sha1hex(table.concat(lines, '\n')) }
end

-- Joins the idempotency keys of a copy to those that the log has; returns how many events they
-- remember.
local function join_keys(done, queue, from_done, from_queue)
  local added = 0
  for _, use in ipairs(redis.call('LRANGE', from_queue, 0, -1)) do
    local key = string.match(use, '^%d+ (%x+)$')
    local value = key and redis.call('HGET', from_done, key)
    if value and redis.call('HSETNX', done, key, value) == 1 then
      redis.call('RPUSH', queue, use)
      added = added + tonumber(string.match(value, '^%x+ %d+ %w+ %d+ (%d+) '))
    end
  end
  return added
end

-- Puts the copy in the place of the log. Its cost does not grow with the window. Called again, it
-- says that it was done. KEYS: stream, meta, ages, digests, keys, queue of the log, those of the copy
-- as for `stage`, and what was offered of the log (`heal`). ARGV: token; number up to which the copy
-- goes; the log's epoch, head and run as they were seen, `absent` for the epoch where there was none;
-- lineage, epoch, and the server's run as they shall be; the account's first, count and hash; most
-- events, most age, ms that the clock is ahead; wake channel and how to publish; number up to which
-- events are lost that the window would have had.
function lib.place(keys, a)
  local stream, meta, ages, digests, done, queue = unpack(keys)
  local from, from_ages, from_done, from_queue, from_meta = unpack(keys, 7)
  local m, missing = read(stream, meta)
  if m and string.find(m.lineage, a[7] .. ':', 1, true) then return state('placed', m) end
  if not m and missing[1] == 'foreign' then return missing end
  -- Somebody is about to give back what it lacks, which may be more than the copy has.
  local offered = m and m.run ~= a[8] and redis.call('HGET', meta, 'offered') == a[8]
  if offered or not m and redis.call('HGET', keys[12], 'best') then return { 'offered' } end
  if m then
    if m.epoch ~= a[3] or text(m.head) ~= a[4] or m.run ~= a[5] then return state('state', m) end
  elseif a[3] ~= 'absent' or tonumber(missing[2] or '0') > tonumber(a[2]) then
    return missing
  end
  local s = redis.call('HMGET', from_meta, 'token', 'head', 'kept')
  if tonumber(s[1] or '0') > tonumber(a[1]) then return { 'fenced', s[1] } end
  if s[1] ~= a[1] or s[2] ~= a[2] then return { 'unstaged' } end
  local has_window = redis.call('XLEN', from) > 0
  local has_marks = redis.call('LLEN', from_ages) > 0
  redis.call('LLEN', ages)
  redis.call('LLEN', digests)
  local were_there = redis.call('HLEN', done) + redis.call('LLEN', queue) > 0
  local has_keys, kept = redis.call('HLEN', from_done) > 0, s[3]
  local now = math.max(now_ms(a[14]), m and m.time or 0)

  redis.call('HSET', meta, 'lineage', a[6], 'epoch', a[7], 'head', a[2], 'run', a[8], 'first', a[9],
    'count', a[10], 'hash', a[11], 'hashed', a[2], 'time', text(now),
    'holes', '', 'lost', a[17])
  if a[2] == '0' then
    redis.call('PEXPIRE', meta, EMPTY_TTL_MS)
  else
    redis.call('PERSIST', meta)
  end
  redis.call('UNLINK', stream, ages, digests)
  if has_window then redis.call('RENAME', from, stream) end
  if has_marks then redis.call('RENAME', from_ages, ages) end
  if has_keys and were_there then
    kept = join_keys(done, queue, from_done, from_queue)
  elseif has_keys then
    redis.call('RENAME', from_done, done)
    redis.call('RENAME', from_queue, queue)
  end
  redis.call('HINCRBY', meta, 'kept', kept)
  redis.call('PEXPIRE', done, KEY_AGE_MS + 3600000)
  redis.call('PEXPIRE', queue, KEY_AGE_MS + 3600000)
  redis.call('UNLINK', from, from_ages, from_done, from_queue, from_meta)
  local old, marks = aged(ages, now, tonumber(a[13]))
  if marks > 0 then redis.call('LTRIM', ages, marks, -1) end
  if old > 0 then redis.call('XTRIM', stream, 'MINID', text(old + 1) .. '-0') end
  if redis.call('XLEN', stream) > tonumber(a[12]) then
    redis.call('XTRIM', stream, 'MAXLEN', a[12])
  end
  redis.call('PEXPIRE', stream, tonumber(a[13]) + 60000)
  redis.call('PEXPIRE', ages, tonumber(a[13]) + 60000)
  tell(a[16], a[15], '-')
  return state('placed', read(stream, meta))
end

-- Drops a copy, unless a newer switch has it. KEYS as for `stage`. ARGV: token.
function lib.unstage(keys, a)
  local token = tonumber(redis.call('HGET', keys[5], 'token') or '0')
  if token <= tonumber(a[1]) then redis.call('UNLINK', unpack(keys)) end
  return { 'unstaged' }
end

-- Takes (`take`), keeps (`keep`) or gives back (`leave`) the lease of the one switch that may be
-- under way. Its tokens only grow, also where Redis lost it: they are times, in µs. ARGV: the
-- word; who asks; for how many ms; the token that it has, or 0.
function lib.lease(keys, a)
  local now = now_ms('0')
  local l = redis.call('HMGET', keys[1], 'holder', 'token', 'until')
  local holder, token = l[1] or '', tonumber(l[2] or '0')
  local left = tonumber(l[3] or '0') - now
  local mine = tonumber(a[4])
  if a[1] == 'take' then
    if holder ~= '' and holder ~= a[2] and left > 0 then return { 'busy', holder, text(left) } end
    local time = redis.call('TIME')
    mine = math.max(token + 1, tonumber(time[1]) * 1000000 + tonumber(time[2]))
  elseif token > mine then
    return { 'busy', holder, text(math.max(left, 0)) }
  end
  local who, ends = a[2], now + tonumber(a[3])
  if a[1] == 'leave' then who, ends = '', 0 end
  redis.call('HSET', keys[1], 'holder', who, 'token', text(mine), 'until', text(ends))
  redis.call('PEXPIRE', keys[1], KEY_AGE_MS)
  return { 'held', text(mine) }
end

-- Reads idempotency keys in the order of their use, from the newest back. ARGV: how many to leave
-- out; how many to read; ms that the clock is ahead. Returns for each its key, its value and how many
-- ms ago it was used.
function lib.used(keys, a)
  local done, queue, used, now = keys[1], keys[2], {}, now_ms(a[3])
  local skip, most = tonumber(a[1]), tonumber(a[2])
  for _, use in ipairs(redis.call('LRANGE', queue, -(skip + most), -(skip + 1))) do
    local at, key = string.match(use, '^(%d+) (%x+)$')
    local value = key and redis.call('HGET', done, key)
    used[#used + 1] = key or ''
    used[#used + 1] = value or ''
    used[#used + 1] = text(math.max(now - tonumber(at or '0'), 0))
  end
  return { 'used', used }
end

-- Reads the marks of the window's ages: how many ms ago, and up to which number. ARGV: ms that the
-- clock is ahead.
function lib.ages(keys, a)
  local ages, now = {}, now_ms(a[1])
  for _, mark in ipairs(redis.call('LRANGE', keys[1], 0, -1)) do
    local at, seq = string.match(mark, '^%d+:(%d+):(%d+)$')
    if at then
      ages[#ages + 1] = text(math.max(now - tonumber(at), 0))
      ages[#ages + 1] = seq
    end
  end
  return { 'ages', ages }
end
