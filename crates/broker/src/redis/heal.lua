-- Giving back to a log what its server lost, a part of the text that begins with log.lua.

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

-- Gives a log back what its replicas had of it, and begins a new epoch behind that. Numbers that
-- nobody has are a hole; what was offered beyond it is appended anew. ARGV: the server's run; the
-- new epoch; `all` where every replica has offered what it had, `adopted` where what was offered is
-- a whole log of another backend, else `some`; most age, ms that the
-- clock is ahead; wake channel and how to publish.
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

  if not m then
    redis.call('DEL', stream, ages, digests)
    redis.call('HSET', meta, 'first', '0', 'count', '0', 'hash', string.rep('0', 64),
      'hashed', text(head))
    if head > 0 or #offered > 0 then redis.call('PERSIST', meta) end
  end
  local first, added = head + 1, 0
  local function put(seq, as, epoch)
    local value = redis.call('HGET', heal, text(seq) .. '-' .. owner(seq))
    redis.call('XADD', stream, text(as) .. '-0', 'envelope', string.sub(value, 33), 'epoch',
      epoch or owner(seq))
    redis.call('RPUSH', digests, string.sub(value, 1, 32))
    added = added + 1
  end
  local next = 1
  while offered[next] and offered[next] <= head do next = next + 1 end
  while offered[next] == head + 1 do
    head = head + 1
    put(head, head)
    next = next + 1
  end
  local is_whole = was_there and a[3] ~= 'some' and head >= tonumber(known)
  local base = (not m or tonumber(known) >= m.head) and lineage or m.lineage
  lineage = healed(base, head, a[2], is_whole and 'w' or 'l')
  while offered[next] do
    head = head + 1
    put(offered[next], head, a[2])
    next = next + 1
  end
  redis.call('HSET', meta, 'lineage', lineage, 'epoch', a[2], 'head', text(head), 'run', a[1],
    'time', text(now))
  redis.call('HINCRBY', meta, 'count', added)
  if added > 0 then
    if redis.call('HGET', meta, 'first') == '0' then redis.call('HSET', meta, 'first', text(first)) end
    redis.call('RPUSH', ages, text(now) .. ':' .. text(now) .. ':' .. text(head))
    redis.call('PEXPIRE', stream, tonumber(a[4]) + 60000)
    redis.call('PEXPIRE', ages, tonumber(a[4]) + 60000)
  end
  redis.call('DEL', heal)
  redis.call(a[7], a[6], '-')
  return state('settled', read(stream, meta))
end

-- Says that a replica is there, and returns the others with how long ago, in ms, they last did.
-- ARGV: its name, or an empty text; that of one that ended, or an empty text.
function lib.announce(keys, a)
  local now, seen = now_ms('0'), {}
  if a[1] ~= '' then redis.call('HSET', keys[1], a[1], text(now)) end
  if a[2] ~= '' then redis.call('HDEL', keys[1], a[2]) end
  local all = redis.call('HGETALL', keys[1])
  for i = 1, #all, 2 do
    local ago = now - (tonumber(all[i + 1]) or 0)
    if ago > 3600000 then
      redis.call('HDEL', keys[1], all[i])
    else
      seen[#seen + 1] = all[i]
      seen[#seen + 1] = text(ago)
    end
  end
  return { 'replicas', seen }
end

-- Says that a replica has offered all that it knows. ARGV: its name.
function lib.healed(keys, a)
  redis.call('SADD', keys[1], a[1])
  redis.call('PEXPIRE', keys[1], 3600000)
  return { 'healed', redis.call('SMEMBERS', keys[1]) }
end

-- Remembers what idempotency keys did elsewhere, where they are not known. ARGV: keys and values in
-- turn (see `append`).
function lib.keys(keys, a)
  local meta, done, queue = keys[1], keys[2], keys[3]
  local added = 0
  for i = 1, #a, 2 do
    if redis.call('HSETNX', done, a[i], a[i + 1]) == 1 then
      local at, count = string.match(a[i + 1], '^%x+ (%d+) %w+ %d+ (%d+) ')
      redis.call('RPUSH', queue, at .. ' ' .. a[i])
      added = added + tonumber(count)
    end
  end
  if added > 0 then
    redis.call('HINCRBY', meta, 'kept', added)
    redis.call('PEXPIRE', done, KEY_AGE_MS + 3600000)
    redis.call('PEXPIRE', queue, KEY_AGE_MS + 3600000)
  end
  return { 'kept' }
end
