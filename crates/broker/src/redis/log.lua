-- The log of one stream, on the server: everything here is atomic, since Redis runs nothing beside
-- it. Loaded as a function library, or as a script where functions are missing (see library.rs).
--
-- Rules: a function reads every key that it will write before it writes any, and its first write is
-- the one that may be refused, so that an error means that nothing was stored. Publishing comes last
-- and is no error: it is a hint, and what it hints at is stored. Time is Redis TIME: the clocks of
-- replicas differ. Numbers stay below 2^53.

local lib = {}

local KEY_AGE_MS = 86400000
local KEY_EVENTS_MAX = 1000000
local DIGESTS_MAX = 65536
local PAGE_BYTES_MAX = 4194304
local EMPTY_TTL_MS = 86400000
-- The largest envelope that a wake-up carries.
local WAKE_BYTES_MAX = 4096
-- Most lineages that are remembered as read.
local ENDS_MAX = 1024
-- Sweeping costs this many keys a call at most.
local SWEEP = 64

local function text(number) return string.format('%.0f', number) end

-- Publishes; returns why it could not.
local function tell(publish, channel, message)
  local answer = redis.pcall(publish, channel, message)
  return type(answer) == 'table' and answer.err or nil
end

local function now_ms(ahead)
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ahead)
end

local function seq_of(id)
  local seq = string.match(id, '^(%d+)%-0$')
  return seq and tonumber(seq)
end

-- The stream's entry at one end, as its number; 0 where there is none, nil where it is not ours.
local function edge(command, stream, from, to)
  local entry = redis.call(command, stream, from, to, 'COUNT', 1)[1]
  if not entry then return 0 end
  return seq_of(entry[1]), entry
end

-- The last epoch of a lineage and the number after which it begins; nil where the text is none. As a
-- function this remembers what it read: a lineage rarely changes, and is looked at with each append.
local ends, ends_kept = {}, 0

local function end_of(lineage)
  if ends[lineage] then return ends[lineage] end
  local last = { after = 0 }
  for fork in string.gmatch(lineage .. ',', '([^,]*),') do
    local epoch, after = string.match(fork, '^(%w+):(%d+):[wl]$')
    if not epoch or tonumber(after) < last.after then return nil end
    last = { epoch = epoch, after = tonumber(after) }
  end
  if ends_kept >= ENDS_MAX then ends, ends_kept = {}, 0 end
  ends[lineage], ends_kept = last, ends_kept + 1
  return last
end

local function whole(value) return value and string.match(value, '^%d+$') and tonumber(value) end

-- The log's meta; nil and an answer where there is none: `absent`, `orphan` and the last number, or
-- `foreign` and the key.
local function read(stream, meta)
  local m = redis.call('HMGET', meta, 'lineage', 'epoch', 'head', 'run', 'time', 'kept', 'count',
    'lost')
  if m[1] and m[2] and m[3] and m[4] then
    local head, time, kept = whole(m[3]), whole(m[5] or '0'), whole(m[6] or '0')
    local lost = whole(m[8] or '0')
    local last = end_of(m[1])
    local is_ours = last and last.epoch == m[2] and head and last.after <= head and time and kept
      and whole(m[7] or '0') and lost
    if not is_ours then return nil, { 'foreign', meta } end
    return { lineage = m[1], epoch = m[2], head = head, run = m[4], time = time, kept = kept,
      lost = lost }
  end
  if redis.call('EXISTS', meta) == 1 then return nil, { 'foreign', meta } end
  -- Entries of ours without their meta: it was evicted, or deleted by hand.
  local last, entry = edge('XREVRANGE', stream, '+', '-')
  if last == 0 then return nil, { 'absent' } end
  local ours = last and #entry[2] == 4 and entry[2][1] == 'envelope' and entry[2][3] == 'epoch'
  if ours then return nil, { 'orphan', text(last) } end
  return nil, { 'foreign', stream }
end

-- Whether the stream takes the entry behind `head`: nothing beyond it was ever there.
local function fits(stream, head)
  if redis.call('EXISTS', stream) == 0 then return true end
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local last = seq_of(info[i + 1])
      return last and last <= head
    end
  end
end

local function state(word, m) return { word, m.lineage, text(m.head), m.run } end

-- The number up to which the marks say that events are too old. A mark is `BEGAN:AT:SEQ`: every
-- event up to SEQ was taken in at AT or before.
local function aged(ages, now, age_max)
  local up_to, index = 0, 0
  while true do
    local mark = redis.call('LINDEX', ages, index)
    local at, seq = string.match(mark or '', '^%d+:(%d+):(%d+)$')
    if not at or now - tonumber(at) <= age_max then return up_to, index end
    up_to, index = tonumber(seq), index + 1
  end
end

-- Begins a log where there is none; entries without their meta are given up. ARGV: lineage, epoch,
-- head, run.
function lib.begin(keys, a)
  local stream, meta, ages, digests = keys[1], keys[2], keys[3], keys[4]
  local m, missing = read(stream, meta)
  if m then return state('state', m) end
  if missing[1] == 'foreign' then return missing end
  if missing[1] == 'orphan' and tonumber(missing[2]) > tonumber(a[3]) then return missing end
  -- Somebody knows of one, and is about to give it back.
  if redis.call('HGET', keys[5], 'best') then return { 'offered' } end
  -- What another program has under these names is not ours to delete.
  redis.call('LLEN', ages)
  redis.call('LLEN', digests)
  redis.call('HSET', meta, 'lineage', a[1], 'epoch', a[2], 'head', a[3], 'run', a[4],
    'first', '0', 'count', '0', 'hash', string.rep('0', 64), 'hashed', a[3])
  if a[3] == '0' then redis.call('PEXPIRE', meta, EMPTY_TTL_MS) end
  redis.call('DEL', stream, ages, digests)
  return state('state', read(stream, meta))
end

-- Begins another epoch, if the log still is as its caller saw it.
-- ARGV: epoch, head, run as seen, where the head may be `*`, for any; lineage (with `@` for that
-- head), epoch, run as they shall be; number up to which the window can't be served any more; wake
-- channel and how to publish.
function lib.fork(keys, a)
  local stream, meta = keys[1], keys[2]
  local m, missing = read(stream, meta)
  if not m then return missing end
  local as_seen = m.epoch == a[1] and (a[2] == '*' or text(m.head) == a[2]) and m.run == a[3]
  if not as_seen then return state('state', m) end
  -- Somebody is about to give back what it lacks.
  if m.run ~= a[6] and redis.call('HGET', meta, 'offered') == a[6] then return { 'offered' } end
  local lineage = string.gsub(a[4], '@', text(m.head))
  if a[7] ~= '0' then redis.call('XTRIM', stream, 'MINID', text(tonumber(a[7]) + 1) .. '-0') end
  redis.call('HSET', meta, 'lineage', lineage, 'epoch', a[5], 'run', a[6])
  tell(a[9], a[8], a[5] .. '-' .. text(m.head))
  return state('forked', read(stream, meta))
end

-- Says how a log stands, which holes it has (heal.lua), and up to where all is lost.
function lib.state(keys)
  local m, missing = read(keys[1], keys[2])
  if not m then return missing end
  local holes = redis.call('HGET', keys[2], 'holes') or ''
  return { 'state', m.lineage, text(m.head), m.run, holes, text(m.lost) }
end

local function sweep(done, queue, now, kept)
  for _ = 1, SWEEP do
    local oldest = redis.call('LINDEX', queue, 0)
    local at, key = string.match(oldest or '', '^(%d+) (%x+)$')
    if not at or now - tonumber(at) <= KEY_AGE_MS then break end
    redis.call('LPOP', queue)
    local value = redis.call('HGET', done, key)
    -- A key that was used again after its day stands once more, later, in the queue.
    if value and string.match(value, '^%x+ (%d+) ') == at then
      kept = kept - tonumber(string.match(value, '^%x+ %d+ %w+ %d+ (%d+)'))
      redis.call('HDEL', done, key)
    end
  end
  return math.max(kept, 0)
end

-- Notes in the marks and the meta that the log has grown by `n` events, and trims it.
local function grow(stream, meta, ages, m, mark, now, head, n, events_max, age_max)
  local began = mark and tonumber(string.match(mark, '^(%d+):%d+:%d+$'))
  if began and now - began < math.max(1000, age_max / 256) then
    redis.call('LSET', ages, -1, text(began) .. ':' .. text(now) .. ':' .. text(head))
  else
    redis.call('RPUSH', ages, text(now) .. ':' .. text(now) .. ':' .. text(head))
  end
  redis.call('HSET', meta, 'head', text(head), 'time', text(now))
  redis.call('HINCRBY', meta, 'count', n)
  if redis.call('HGET', meta, 'first') == '0' then redis.call('HSET', meta, 'first', text(m.head + 1)) end
  if m.head == 0 then redis.call('PERSIST', meta) end

  local old, marks = aged(ages, now, age_max)
  if marks > 0 then redis.call('LTRIM', ages, marks, -1) end
  if old > 0 then redis.call('XTRIM', stream, 'MINID', text(old + 1) .. '-0') end
  if redis.call('XLEN', stream) > events_max + math.floor(events_max / 4) then
    redis.call('XTRIM', stream, 'MAXLEN', events_max)
  end
  -- A window that nobody appends to any more goes by itself.
  redis.call('PEXPIRE', stream, age_max + 60000)
  redis.call('PEXPIRE', ages, age_max + 60000)
end

-- What an idempotency key did within its day, else nothing; and for how many events an older use of
-- it still counts.
local function used_before(done, key, now)
  local value = redis.call('HGET', done, key)
  local at, n = string.match(value or '', '^%x+ (%d+) %w+ %d+ (%d+)')
  if at and now - tonumber(at) <= KEY_AGE_MS then return value, 0 end
  return nil, tonumber(n or '0')
end

-- Remembers what an idempotency key did.
local function remember(done, queue, key, fingerprint, now, epoch, first, ids)
  redis.call('HSET', done, key, fingerprint .. ' ' .. text(now) .. ' ' .. epoch .. ' '
    .. text(first) .. ' ' .. text(#ids) .. ' ' .. table.concat(ids))
  redis.call('RPUSH', queue, text(now) .. ' ' .. key)
  redis.call('PEXPIRE', done, KEY_AGE_MS + 3600000)
  redis.call('PEXPIRE', queue, KEY_AGE_MS + 3600000)
end

-- Appends events, all or none. ARGV: epoch, head, run as the writer knows them; most events, most
-- age in ms, ms that the clock is ahead (tests); idempotency key and fingerprint, or two empty
-- texts; channel, wake channel, how to publish; how many events; then for each its envelope, the
-- SHA-256 of that, its id.
function lib.append(keys, a)
  local stream, meta, ages, digests, done, queue = unpack(keys)
  local m, missing = read(stream, meta)
  if not m then return missing end
  if m.epoch ~= a[1] or m.head < tonumber(a[2]) or m.run ~= a[3] then return state('state', m) end
  local events_max, age_max = tonumber(a[4]), tonumber(a[5])
  local key, fingerprint, publish, n = a[7], a[8], a[11], tonumber(a[12])
  local now = math.max(now_ms(a[6]), m.time)
  local kept = m.kept

  if key ~= '' then
    redis.call('LINDEX', queue, 0)
    local value = redis.call('HGET', done, key)
    local at = value and tonumber(string.match(value, '^%x+ (%d+) '))
    if at and now - at <= KEY_AGE_MS then
      if string.sub(value, 1, #fingerprint) ~= fingerprint then return { 'conflict' } end
      return { 'replayed', value }
    end
    kept = sweep(done, queue, now, kept)
    if kept + n > KEY_EVENTS_MAX then return { 'full' } end
  end
  local unfolded = redis.call('LLEN', digests)
  if unfolded + n > DIGESTS_MAX then return { 'unfolded' } end
  local mark = redis.call('LINDEX', ages, -1)

  local ids = {}
  for i = 1, n do
    local at = 13 + (i - 1) * 3
    local id = text(m.head + i) .. '-0'
    local put = redis.pcall('XADD', stream, id, 'envelope', a[at], 'epoch', m.epoch)
    if type(put) == 'table' and put.err then
      -- Another's entry stands beyond the head; else it fails again, in the words of Redis.
      if i == 1 and not fits(stream, m.head) then return { 'foreign', stream } end
      redis.call('XADD', stream, id, 'envelope', a[at], 'epoch', m.epoch)
    end
    redis.call('RPUSH', digests, a[at + 1])
    ids[i] = a[at + 2]
  end
  local head = m.head + n
  if key ~= '' then
    kept = kept + n
    remember(done, queue, key, fingerprint, now, m.epoch, m.head + 1, ids)
  end
  redis.call('HSET', meta, 'kept', text(kept))
  grow(stream, meta, ages, m, mark, now, head, n, events_max, age_max)

  local silent
  for i = 1, n do silent = tell(publish, a[9], a[13 + (i - 1) * 3]) end
  local wake = m.epoch .. '-' .. text(head)
  -- Who hears of one small event need not ask for it (wake.rs).
  if n == 1 and #a[13] <= WAKE_BYTES_MAX then wake = wake .. ' ' .. a[13] end
  silent = tell(publish, a[10], wake) or silent
  return { 'first', text(m.head + 1), text(head), text(unfolded + n), silent or '' }
end

-- Reads a stretch and the state it belongs to. ARGV: number to begin after, or `oldest`; most
-- events; most age, ms that the clock is ahead.
function lib.page(keys, a)
  local stream, meta, ages = keys[1], keys[2], keys[3]
  local m, missing = read(stream, meta)
  if not m then return missing end
  local old = aged(ages, math.max(now_ms(a[4]), m.time), tonumber(a[3]))
  local first, oldest = edge('XRANGE', stream, text(old + 1) .. '-0', '+')
  if not first then return { 'foreign', stream } end
  local after = first > 0 and first - 1 or m.head
  local from = a[1] == 'oldest' and after or math.max(tonumber(a[1]), after)
  local entries, bytes, most = {}, 0, tonumber(a[2])
  while #entries < most and bytes < PAGE_BYTES_MAX do
    local want = math.min(32, most - #entries)
    local some = redis.call('XRANGE', stream, text(from + 1) .. '-0', '+', 'COUNT', want)
    for _, entry in ipairs(some) do
      if bytes >= PAGE_BYTES_MAX then break end
      entries[#entries + 1] = entry
      bytes = bytes + #(entry[2][2] or '')
      from = seq_of(entry[1])
      if not from then return { 'foreign', stream } end
    end
    if #some < want then break end
  end
  local id = first > 0 and string.sub(oldest[2][2] or '', 8, 37) or ''
  return { 'page', m.lineage, text(m.head), m.run, text(after), id, entries, text(m.lost) }
end

-- Looks for an event by its id, from the newest back. ARGV: number to begin before, or `newest`;
-- most entries to look at; the id.
function lib.find(keys, a)
  local before = a[1] == 'newest' and '+' or text(tonumber(a[1]) - 1) .. '-0'
  local some = redis.call('XREVRANGE', keys[1], before, '-', 'COUNT', tonumber(a[2]))
  local last
  for _, entry in ipairs(some) do
    last = seq_of(entry[1])
    if not last then return { 'foreign', keys[1] } end
    if string.sub(entry[2][2] or '', 8, 37) == a[3] then return { 'found', text(last) } end
  end
  if #some < tonumber(a[2]) or last <= 1 then return { 'none' } end
  return { 'more', text(last) }
end

-- Reads the account: its hash covers up to `hashed`, and the digests are those of what follows.
-- ARGV: most age, ms that the clock is ahead.
function lib.ledger(keys, a)
  local page = lib.page({ keys[1], keys[2], keys[3] }, { 'oldest', '0', a[1], a[2] })
  if page[1] ~= 'page' then return page end
  local m = redis.call('HMGET', keys[2], 'first', 'count', 'hash', 'hashed')
  local digests = redis.call('LRANGE', keys[4], 0, -1)
  return { 'ledger', page[2], page[3], page[4], page[5], m[1] or '', m[2] or '', m[3] or '',
    m[4] or '', digests }
end

-- Moves the account's hash on, if nobody else did, and the log is the one that it was read of. ARGV:
-- `hashed` as seen and as it shall be, hash; epoch, run; how many digests were folded.
function lib.fold(keys, a)
  local meta, digests = keys[1], keys[2]
  local m = redis.call('HMGET', meta, 'hashed', 'epoch', 'run')
  if m[1] ~= a[1] or m[2] ~= a[4] or m[3] ~= a[5] then return { 'stale' } end
  redis.call('LTRIM', digests, tonumber(a[6]), -1)
  redis.call('HSET', meta, 'hash', a[3], 'hashed', a[2])
  return { 'folded' }
end

-- Leaves what one replica says of itself, or takes it back, and reads what the others say. A note
-- that nobody renews for a day goes. ARGV: replica; its text, or an empty one.
function lib.note(keys, a)
  local notes, now = keys[1], now_ms(0)
  local all, others = redis.call('HGETALL', notes), {}
  if a[2] ~= '' then redis.call('HSET', notes, a[1], text(now) .. ' ' .. a[2]) end
  for i = 1, #all, 2 do
    local at, said = string.match(all[i + 1], '^(%d+) (.*)$')
    if all[i] == a[1] then
      if a[2] == '' then redis.call('HDEL', notes, all[i]) end
    elseif at and now - tonumber(at) > KEY_AGE_MS then
      redis.call('HDEL', notes, all[i])
    elseif at then
      others[#others + 1] = { all[i], at, said }
    end
  end
  return { 'notes', text(now), others }
end

-- Looks at every key of a log: `sound`, or `kind`, the first that is of another type, that type and
-- ours, or `foreign` and the first whose content is none of ours.
function lib.check(keys)
  local kinds = { 'stream', 'hash', 'list', 'list', 'hash', 'list', 'hash', 'hash' }
  for i, key in ipairs(keys) do
    local kind = redis.call('TYPE', key).ok
    if kind ~= 'none' and kind ~= kinds[i] then return { 'kind', key, kind, kinds[i] } end
  end
  local m, missing = read(keys[1], keys[2])
  if not m then return missing[1] == 'foreign' and missing or { 'sound' } end
  if not fits(keys[1], m.head) then return { 'foreign', keys[1] } end
  return { 'sound' }
end

-- Lets keys go after a day from now on.
function lib.keep(keys)
  for _, key in ipairs(keys) do redis.call('PEXPIRE', key, KEY_AGE_MS) end
  return { 'kept' }
end
