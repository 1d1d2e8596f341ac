-- Merging branches into the log, a part of the text that begins with log.lua, by its rules.

-- Adds a place to the runs of a branch (see trunk/record.rs), a list of `FIRSTxCOUNT`.
local function extend(runs, place)
  local first, count = string.match(runs[#runs] or '', '^(%d+)x(%d+)$')
  if first and tonumber(first) + tonumber(count) == place then
    runs[#runs] = first .. 'x' .. text(tonumber(count) + 1)
  else
    runs[#runs + 1] = text(place) .. 'x1'
  end
end

-- What a record says of a branch: how many events are merged, `open` or `done`, the runs.
local function merged_in(record)
  local merged, word, runs = string.match(record, '^(%d+) (%a+) %d+ %S+ %S+ %S+ (%S+)$')
  local listed = {}
  for run in string.gmatch(runs or '', '%d+x%d+') do listed[#listed + 1] = run end
  return tonumber(merged), word, listed
end

-- How many events these runs are.
local function counted(runs)
  local count = 0
  for _, run in ipairs(runs) do count = count + tonumber(string.match(run, 'x(%d+)$')) end
  return count
end

-- Forgets what is older than a day, and makes room for one record more: the oldest open one that
-- nobody has worked on for a window's age goes first, then the oldest finished one.
local function make_room(branches, most, now, age_max)
  if redis.call('HLEN', branches) == 0 then return end
  local all, count, name, best = redis.call('HGETALL', branches), 0, nil, nil
  for i = 1, #all, 2 do
    local word, at = string.match(all[i + 1], '^%d+ (%a+) (%d+) ')
    at = tonumber(at)
    if at and now - at > KEY_AGE_MS then
      redis.call('HDEL', branches, all[i])
    else
      count = count + 1
      -- Among open ones and finished ones by age, open ones before.
      local rank = at and word == 'open' and now - at > age_max and at - now - KEY_AGE_MS
        or at and word == 'done' and at
      if rank and (not best or rank < best) then best, name = rank, all[i] end
    end
  end
  if count >= most and name then redis.call('HDEL', branches, name) end
end

-- Whether an event stands at a place of the log, where that is still in the window.
local function is_at(stream, place, head, id)
  if place > head then return false end
  local entry = redis.call('XRANGE', stream, text(place) .. '-0', text(place) .. '-0')[1]
  return not entry or string.sub(entry[2][2] or '', 12, 37) == id
end

-- How many entries are compared with one round.
local SINCE_MAX = 128

-- The numbers of the events that were put behind the part of the log that was searched, by id; nil
-- where that is too much for one call.
local function put_since(stream, searched, head)
  local places, after = {}, tonumber(searched)
  if not after or head <= after then return places end
  if head - after > SINCE_MAX then return nil end
  for _, entry in ipairs(redis.call('XRANGE', stream, text(after + 1) .. '-0', '+')) do
    local id = string.sub(entry[2][2] or '', 12, 37)
    places[id] = tonumber(string.match(entry[1], '^%d+'))
  end
  return places
end

-- Merges the next events of a branch, if its record has come just so far. ARGV: epoch, head, run as
-- the caller knows them; most events, most age, ms that the clock is ahead; the branch's name and
-- the fixed part of its record; how many events were merged before; `more` or `last`; channel, wake
-- channel, how to publish; most records; how many units; the runs that a record begins with where
-- there is none yet; the number up to which the log was searched for those that may be there, `-`
-- where all that may be are found; then for each unit its key and fingerprint, or
-- two empty texts, how many events, and for each of these its envelope, the SHA-256 of that, its id,
-- and its number where it was found on the trunk, else 0.
function lib.merge(keys, a)
  local stream, meta, ages, digests, done, queue, branches = unpack(keys)
  local m, missing = read(stream, meta)
  if not m then return missing end
  if m.epoch ~= a[1] or m.head < tonumber(a[2]) or m.run ~= a[3] then return state('state', m) end
  local name, publish = a[7], a[13]
  local record = redis.call('HGET', branches, name)
  local merged, word, runs = merged_in(record or '0 open 0 - - - ' .. a[16])
  if not merged then return { 'foreign', branches } end
  -- A record that is gone begins where its caller's runs end, and nowhere else.
  if not record then merged = counted(runs) end
  if word ~= 'open' or merged ~= tonumber(a[9]) then return { 'record', record or '' } end
  local now = math.max(now_ms(a[6]), m.time)
  local unfolded, mark = redis.call('LLEN', digests), redis.call('LINDEX', ages, -1)
  redis.call('LINDEX', queue, 0)

  local since = put_since(stream, a[17], m.head)
  if not since then return { 'behind', text(m.head) } end

  local head, at, puts, used = m.head, 18, {}, {}
  for _ = 1, tonumber(a[15]) do
    local key, fingerprint, n = a[at], a[at + 1], tonumber(a[at + 2])
    at = at + 3
    local ids = {}
    for i = 1, n do ids[i] = a[at + (i - 1) * 4 + 2] end
    -- The same attempt, whose answer was lost: its events are there. Another attempt under this
    -- key was acknowledged on both sides, and stands on both.
    local value, older = nil, 0
    if key ~= '' then value, older = used_before(done, key, now) end
    local first, listed = string.match(value or '', '^%x+ %d+ %w+ (%d+) %d+ (%w+)$')
    local is_same = first and listed == table.concat(ids)
      and is_at(stream, tonumber(first), m.head, ids[1])
    local began = head + 1
    for i = 1, n do
      local place = is_same and tonumber(first) + i - 1 or since[ids[i]] or tonumber(a[at + 3])
      if place == 0 then
        head = head + 1
        place, puts[#puts + 1] = head, at
      end
      extend(runs, place)
      at = at + 4
    end
    if key ~= '' and not value and head == began + n - 1 then
      used[#used + 1] = { key, fingerprint, began, ids, older }
    end
    merged = merged + n
  end
  if #puts > 0 and unfolded + #puts > DIGESTS_MAX then return { 'unfolded' } end
  if #puts > 0 and not fits(stream, m.head) then return { 'foreign', stream } end

  for i = 1, #puts do
    local put = puts[i]
    redis.call('XADD', stream, text(m.head + i) .. '-0', 'envelope', a[put], 'epoch', m.epoch)
    redis.call('RPUSH', digests, a[put + 1])
  end
  if not record then make_room(branches, tonumber(a[14]), now, tonumber(a[5])) end
  redis.call('HSET', branches, name, text(merged) .. (a[10] == 'last' and ' done ' or ' open ')
    .. text(now) .. ' ' .. a[8] .. ' ' .. (#runs > 0 and table.concat(runs, ',') or '-'))
  redis.call('PEXPIRE', branches, KEY_AGE_MS + 3600000)
  for _, use in ipairs(used) do
    remember(done, queue, use[1], use[2], now, m.epoch, use[3], use[4])
    redis.call('HINCRBY', meta, 'kept', #use[4] - use[5])
  end
  if #puts > 0 then grow(stream, meta, ages, m, mark, now, head, #puts, tonumber(a[4]), tonumber(a[5])) end
  for i = 1, #puts do tell(publish, a[11], a[puts[i]]) end
  -- Readers of the branch on other replicas wait for its end at numbers of their own.
  tell(publish, a[12], a[10] == 'last' and '-' or m.epoch .. '-' .. text(head))
  return { 'merged', text(merged), text(head), text(unfolded + #puts), text(m.head) }
end

-- Returns the records of branches: names and records in turn. One that was not finished and that
-- nobody has worked on for so many ms is left out, unless that is 0: its replica is gone, and its
-- readers must not wait for ever. ARGV: that many ms.
function lib.branches(keys, a)
  local all, listed, now = redis.call('HGETALL', keys[1]), {}, now_ms('0')
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^%d+ open (%d+) '))
    if a[1] == '0' or not at or now - at <= tonumber(a[1]) then
      listed[#listed + 1] = all[i]
      listed[#listed + 1] = all[i + 1]
    end
  end
  return { 'branches', listed }
end

-- Gives a log the closed records that it lost. ARGV: epoch as its caller knows it; most records;
-- then for each its name, how many events it has, its fixed part, its runs.
function lib.restore(keys, a)
  local stream, meta, branches = unpack(keys)
  local m, missing = read(stream, meta)
  if not m then return missing end
  if m.epoch ~= a[1] then return state('state', m) end
  local now, room = now_ms('0'), tonumber(a[2]) - redis.call('HLEN', branches)
  for i = 3, #a, 4 do
    if room > 0 then
      room = room - redis.call('HSETNX', branches, a[i],
        a[i + 1] .. ' done ' .. text(now) .. ' ' .. a[i + 2] .. ' ' .. a[i + 3])
    end
  end
  redis.call('PEXPIRE', branches, KEY_AGE_MS + 3600000)
  return { 'restored' }
end
