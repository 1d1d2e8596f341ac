-- Giving back to a log what its server lost, a part of the text that begins with log.lua.

-- Most runs that are remembered, more than a cluster has nodes.
local RUNS_MAX = 4096

-- Keeps what a replica knows of a log whose server began anew, until it is settled. ARGV: the
-- server's run; the last number that the replica knew, and its lineage; then for each event its
-- number, epoch, SHA-256 and envelope.
function lib.offer(keys, a)
  local stream, meta, heal = keys[1], keys[2], keys[3]
  local m, missing = read(stream, meta)
  if not m and missing[1] == 'foreign' then return missing end
  if m and m.run == a[1] then return state('state', m) end
  local best = redis.call('HGET', heal, 'best')
  if not best or tonumber(string.match(best, '^%d+')) < tonumber(a[2]) then
    redis.call('HSET', heal, 'best', a[2] .. ' ' .. a[3])
  end
  for i = 4, #a, 4 do
    redis.call('HSETNX', heal, a[i] .. '-' .. a[i + 1], a[i + 2] .. a[i + 3])
  end
  redis.call('PEXPIRE', heal, EMPTY_TTL_MS)
  if m then redis.call('HSET', meta, 'offered', a[1]) end
  return { 'offered' }
end

-- The epoch that owns a number; events of a history that is not the one known best stay out.
local function owner_in(lineage)
  local forks = {}
  for epoch, after in string.gmatch(lineage, '(%w+):(%d+):') do
    table.insert(forks, 1, { epoch, tonumber(after) })
  end
  return function(seq)
    for _, fork in ipairs(forks) do
      if fork[2] < seq then return fork[1] end
    end
  end
end

-- The lineage that a log goes on with after `head`, from the one that was known best.
local function healed(lineage, head, epoch, kind)
  local forks = {}
  for fork in string.gmatch(lineage, '[^,]+') do
    if tonumber(string.match(fork, ':(%d+):')) <= head then forks[#forks + 1] = fork end
  end
  local last = forks[#forks]
  local took_none = #forks > 1 and last and string.match(last, ':(%d+):w$') == text(head)
  if took_none and kind == 'w' then forks[#forks] = nil end
  forks[#forks + 1] = epoch .. ':' .. text(head) .. ':' .. kind
  if #forks > 64 then table.remove(forks, 1) end
  return table.concat(forks, ',')
end

-- Most holes of a log that are remembered.
local HOLES_MAX = 256

-- The holes that a log has, as `FIRST-LAST` with commas, after another one; the oldest are forgotten
-- where there are too many.
local function with_hole(holes, first, last)
  holes = holes .. (holes == '' and '' or ',') .. text(first) .. '-' .. text(last)
  local _, count = string.gsub(holes, ',', '')
  if count >= HOLES_MAX then holes = string.match(holes, ',(.*)$') end
  return holes
end

-- Gives a log back what its replicas had of it, each event in its place, and begins a new epoch
-- behind that. Numbers that nobody has are a hole, which whoever reads across it is told of. ARGV:
-- the server's run; the new epoch; `all` where every replica has offered what it had, `adopted` where
-- what was offered is a whole log of another backend, else `some`; most age, ms that the clock is
-- ahead; wake channel and how to publish.
function lib.settle(keys, a)
  local stream, meta, ages, digests, heal = unpack(keys)
  local m, missing = read(stream, meta)
  if not m and missing[1] == 'foreign' then return missing end
  if m and m.run == a[1] then return state('state', m) end
  local best = redis.call('HGET', heal, 'best')
  if not best then return { 'unknown' } end
  local known, lineage = string.match(best, '^(%d+) (.+)$')
  local offered, owner = {}, owner_in(lineage)
  for _, key in ipairs(redis.call('HKEYS', heal)) do
    local seq, epoch = string.match(key, '^(%d+)-(%w+)$')
    if seq and owner(tonumber(seq)) == epoch then offered[#offered + 1] = tonumber(seq) end
  end
  table.sort(offered)
  local head = m and m.head or (offered[1] or tonumber(known) + 1) - 1
  local was_there = m or #offered > 0 or a[3] == 'adopted'
  local now = math.max(now_ms(a[5]), m and m.time or 0)

  -- What another program has under these names is not ours to write to, or to delete.
  if m and not fits(stream, m.head) then return { 'foreign', stream } end
  redis.call('XLEN', stream)
  redis.call('LLEN', ages)
  redis.call('LLEN', digests)
  if not m then
    redis.call('DEL', stream, ages, digests)
    redis.call('HSET', meta, 'first', '0', 'count', '0', 'hash', string.rep('0', 64),
      'hashed', text(head))
    -- What lies before the first event that is given back is gone with the server; of a log of
    -- another backend its owner knows that it was too old.
    if a[3] ~= 'adopted' then redis.call('HSET', meta, 'lost', text(head)) end
    if head > 0 or #offered > 0 then redis.call('PERSIST', meta) end
  end
  local first, added, holes = nil, 0, redis.call('HGET', meta, 'holes') or ''
  local before = holes
  for _, seq in ipairs(offered) do
    if seq > head then
      if seq > head + 1 then
        holes = with_hole(holes, head + 1, seq - 1)
        -- The digests that follow are of what stands behind the hole (account.rs).
        redis.call('RPUSH', digests, '@' .. text(seq))
      end
      local value = redis.call('HGET', heal, text(seq) .. '-' .. owner(seq))
      redis.call('XADD', stream, text(seq) .. '-0', 'envelope', string.sub(value, 33), 'epoch',
        owner(seq))
      redis.call('RPUSH', digests, string.sub(value, 1, 32))
      first, head, added = first or seq, seq, added + 1
    end
  end
  if holes ~= before then redis.call('HSET', meta, 'holes', holes) end
  local is_whole = was_there and a[3] ~= 'some' and head >= tonumber(known)
  local base = (not m or tonumber(known) >= m.head) and lineage or m.lineage
  redis.call('HSET', meta, 'lineage', healed(base, head, a[2], is_whole and 'w' or 'l'), 'epoch', a[2],
    'head', text(head), 'run', a[1], 'time', text(now))
  redis.call('HINCRBY', meta, 'count', added)
  if added > 0 then
    if redis.call('HGET', meta, 'first') == '0' then redis.call('HSET', meta, 'first', text(first)) end
    redis.call('RPUSH', ages, text(now) .. ':' .. text(now) .. ':' .. text(head))
    redis.call('PEXPIRE', stream, tonumber(a[4]) + 60000)
    redis.call('PEXPIRE', ages, tonumber(a[4]) + 60000)
  end
  redis.call('DEL', heal)
  redis.call('HDEL', meta, 'offered')
  tell(a[7], a[6], '-')
  return state('settled', read(stream, meta))
end

-- Says that a replica is there, and under which run of the servers. Returns when it said so before
-- (0 where that is not known), when it does now, and who has to be waited for in healing: those that
-- were there lately, or when the run ended under which they were last seen. The newest time of each
-- run is kept beside the replicas, as `:RUN`, and as `@` when the first of them came; returned as
-- well. ARGV: its name, or an empty text; that of one that
-- ended, or an empty text; the run; how long, in ms, one counts as there.
function lib.announce(keys, a)
  local replicas, run, alive = keys[1], a[3], tonumber(a[4])
  local now, all, newest, awaited, before = now_ms('0'), redis.call('HGETALL', keys[1]), {}, {}, '0'
  local born = redis.call('HGET', replicas, '@')
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^(%d+)'))
    if all[i] == '@' then
      at = nil
    elseif not at or now - at > KEY_AGE_MS then
      redis.call('HDEL', replicas, all[i])
    elseif string.sub(all[i], 1, 1) == ':' then
      newest[string.sub(all[i], 2)] = at
    end
  end
  for i = 1, #all, 2 do
    local at, of = string.match(all[i + 1], '^(%d+) (%S+)$')
    if at and all[i] == a[1] then before = at end
    -- Time can go back with a server's clock; then they count as there.
    local until_then = of == run and now or newest[of]
    if until_then and all[i] ~= a[2] and until_then - tonumber(at) <= alive then
      awaited[#awaited + 1] = all[i]
    end
  end
  if a[1] ~= '' then
    if #all == 0 then
      born = text(now)
      redis.call('HSET', replicas, '@', born)
    end
    redis.call('HSET', replicas, a[1], text(now) .. ' ' .. run, ':' .. run, text(now))
  end
  if a[2] ~= '' then redis.call('HDEL', replicas, a[2]) end
  return { 'replicas', before, text(now), awaited, born or '0' }
end

-- Says that a replica has offered all that it knows, and remembers for all that somebody was waited
-- for in vain (`*`), or that the server lacks what it had answered (`<`). Either way nobody can vouch
-- any more for logs of earlier runs: of those that it could be vouched for only the servers' own
-- stay. ARGV: its name; such a mark, or an empty text; how many servers there are, and the run of
-- each; the names of those who did not come, who are not waited for again.
function lib.healed(keys, a)
  local healed, replicas, runs = unpack(keys)
  local servers, known = tonumber(a[3]), redis.call('SMEMBERS', runs)
  redis.call('SADD', healed, a[1])
  if a[2] ~= '' then redis.call('SADD', healed, a[2]) end
  -- What is not remembered is lossy.
  if a[2] ~= '' or #known > RUNS_MAX then redis.call('DEL', runs) end
  redis.call('PEXPIRE', healed, KEY_AGE_MS)
  redis.call('SADD', runs, unpack(a, 4, 3 + servers))
  for i = 4 + servers, #a do redis.call('HDEL', replicas, a[i]) end
  return { 'healed', redis.call('SMEMBERS', healed), redis.call('SMEMBERS', runs) }
end

-- Remembers what idempotency keys did elsewhere, where they are not known. ARGV: ms that the clock is
-- ahead; then for each its key, its age in ms, its fingerprint, and `EPOCH FIRST COUNT IDS`.
function lib.keys(keys, a)
  local stream, meta, done, queue = unpack(keys)
  local m, missing = read(stream, meta)
  if not m then return missing end
  redis.call('HLEN', done)
  redis.call('LLEN', queue)
  local added, now = 0, math.max(now_ms(a[1]), m.time)
  for i = 2, #a, 4 do
    local age = tonumber(a[i + 1])
    local value = a[i + 2] .. ' ' .. text(now - age) .. ' ' .. a[i + 3]
    local known, older = used_before(done, a[i], now)
    if age <= KEY_AGE_MS and not known then
      redis.call('HSET', done, a[i], value)
      redis.call('RPUSH', queue, text(now - age) .. ' ' .. a[i])
      added = added + tonumber(string.match(a[i + 3], '^%w+ %d+ (%d+) ')) - older
    end
  end
  if added ~= 0 then
    redis.call('HINCRBY', meta, 'kept', added)
    redis.call('PEXPIRE', done, KEY_AGE_MS + 3600000)
    redis.call('PEXPIRE', queue, KEY_AGE_MS + 3600000)
  end
  return { 'kept' }
end
