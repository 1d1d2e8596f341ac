-- Going on behind a number that was given elsewhere, a part of the text that begins with log.lua.

-- Lets a log go on behind a number, if it still is as its caller saw it; the window ends, and what
-- lies between is a hole. What keys did stays. ARGV: epoch, head, run as seen; lineage, epoch, head as
-- they shall be; wake channel and how to publish.
function lib.raise(keys, a)
  local stream, meta, ages, digests = keys[1], keys[2], keys[3], keys[4]
  local m, missing = read(stream, meta)
  if not m then return missing end
  local as_seen = m.epoch == a[1] and text(m.head) == a[2] and m.run == a[3]
  if not as_seen then return state('state', m) end
  -- What another program has under these names is not ours to delete.
  redis.call('XLEN', stream)
  redis.call('LLEN', ages)
  redis.call('LLEN', digests)
  redis.call('HSET', meta, 'lineage', a[4], 'epoch', a[5], 'head', a[6], 'hashed', a[6])
  redis.call('PERSIST', meta)
  redis.call('DEL', stream, ages, digests)
  tell(a[8], a[7], a[5] .. '-' .. a[6])
  return state('raised', read(stream, meta))
end
