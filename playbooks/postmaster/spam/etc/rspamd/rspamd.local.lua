-- Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
--
-- Two rules of our own.

-- A sender's own word that the mail is spam counts for nothing: the line is removed,
-- and another one put there if it is.
config.regexp.SPAM_FLAG = nil

-- People who logged in write with a From: that is theirs by /etc/postfix/senders, the
-- list by which Postfix judges the sender that the mail's way shows (MAIL FROM). That
-- one stays on the way; From: and Sender: are what the reader sees.
local senders = rspamd_config:add_map({
  url = '/etc/postfix/senders',
  type = 'hash',
  description = 'the accounts that may send as an address',
})
local util = require 'rspamd_util'

-- As Postfix looks an address up: whole, without its +tag, then its domain.
local function owns(login, address)
  address = address:lower()
  local name, domain = address:match('^(.*)@([^@]*)$')
  if not name then
    return false
  end
  for _, key in ipairs({ address, name:gsub('%+.*$', '') .. '@' .. domain, '@' .. domain }) do
    local owners = senders:get_key(key)
    if owners then
      for owner in owners:gmatch('[^,%s]+') do
        if owner == login then
          return true
        end
      end
      return false
    end
  end
  return false
end

-- Counts the lines of a name, and those that are none by RFC 5322 but are taken for
-- one by some mail programs (`From :`).
local function count(task, name)
  local found = 0
  local text = '\n' .. tostring(task:get_raw_headers()):lower()
  for _ in text:gmatch('\n' .. name .. '[ \t]*:') do
    found = found + 1
  end
  return found
end

-- Returns whether all addresses of a line are the sender's own, and there is one.
local function are_own(login, addresses)
  for _, it in ipairs(addresses or {}) do
    if not owns(login, it.addr or '') then
      return false
    end
  end
  return addresses ~= nil and #addresses > 0
end

rspamd_config:register_symbol({
  name = 'NOT_OWN_FROM',
  type = 'prefilter',
  priority = 9,
  score = 0.0,
  callback = function(task)
    local login = task:get_user()
    if not login then
      return
    end
    local function refuse(why)
      task:insert_result('NOT_OWN_FROM', 1.0, login)
      task:set_pre_result('reject', why, 'NOT_OWN_FROM')
    end
    if count(task, 'from') ~= 1 or not are_own(login, task:get_from({ 'mime', 'orig' })) then
      refuse('From: is not an address of yours')
    elseif count(task, 'sender') > 0 then
      local sender = task:get_header('Sender')
      local addresses = sender and util.parse_mail_address(sender, task:get_mempool())
      if count(task, 'sender') ~= 1 or not are_own(login, addresses) then
        refuse('Sender: is not an address of yours')
      end
    end
  end,
})
