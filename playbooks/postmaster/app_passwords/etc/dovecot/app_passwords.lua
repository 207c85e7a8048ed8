-- Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
--
-- Dovecot asks here first whether a password is that of one of the account's devices.
-- If not, it goes on, and compares it with the account's own password. Only that is
-- logged as a failed login.

local PASSWORDS = "/etc/dovecot/app_passwords"
local LAST_USE = "/var/lib/mailprov-app-passwords/"

-- What these passwords open, by the names that Dovecot has for the protocols. Nothing
-- else: a password of a device does not open the change of the account's password.
local PROTOCOLS = { imap = "IMAP", pop3 = "POP3", smtp = "SMTP", sieve = "ManageSieve" }

-- How Dovecot calls the protocol and the client's address.
{% if facts.dovecot.version is startingwith("2.3") %}
local PROTOCOL, ADDRESS = "service", "rip"
{% else %}
local PROTOCOL, ADDRESS = "protocol", "remote_ip"
{% endif %}

-- The hashes of each login, by device, as they were in the file at this second. Logins
-- of the same second do not read it again.
local hashes, read_at

local function hashes_of(login)
  local now = os.time()
  if read_at ~= now then
    hashes, read_at = {}, now
    local file = io.open(PASSWORDS)
    if file then
      for line in file:lines() do
        local owner, device, hash = line:match("^([^:#]+):([^:]+):(.+)$")
        if owner then
          hashes[owner] = hashes[owner] or {}
          hashes[owner][device] = hash
        end
      end
      file:close()
    end
  end
  return hashes[login] or {}
end

-- Notes the use. The file is there, as long as it was: nothing here makes, empties or
-- extends one, so that neither a full disk nor a second login at the same time harms it.
local function note(login, device, protocol, address)
  local file = io.open(LAST_USE .. login .. ":" .. device, "r+")
  if file then
    file:write(string.format("%-79s\n", os.time() .. " " .. protocol .. " " .. address))
    file:close()
  end
end

function auth_password_verify(request, password)
  local protocol = PROTOCOLS[request[PROTOCOL]]
  if protocol then
    for device, hash in pairs(hashes_of(request.user)) do
      if request:password_verify(hash, password) == 1 then
        -- What goes wrong here must not fail the login.
        pcall(note, request.user, device, protocol, request[ADDRESS] or "")
        return dovecot.auth.PASSDB_RESULT_OK, {}
      end
    end
  end
  return dovecot.auth.PASSDB_RESULT_NEXT, ""
end

-- Dovecot asks this way where there is no password to compare, as for `doveadm auth
-- lookup`.
function auth_passdb_lookup()
  return dovecot.auth.PASSDB_RESULT_NEXT, ""
end
