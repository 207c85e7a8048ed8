/* The least that can be done to see that nothing is to be done: reads the files
 * of a mail server and compares them with copies of what they should be, with
 * owner, group and mode; looks for the packages in dpkg's status, for the user
 * and the group, and for compiled tables that are not older than their sources;
 * and asks systemd over D-Bus for its two units. It knows no mail.yml, cannot
 * say what differs, and mends nothing: it is the measure, not a peer.
 *
 *   bare WANTED     a folder with the copies: WANTED/etc/postfix/main.cf, …
 *
 * Exit code 0 where all is as it should be, else 1. */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

static const char *const packages[] = {
    "postfix", "dovecot-core", "dovecot-lmtpd", "dovecot-imapd",
    "dovecot-pop3d", "dovecot-sieve", "dovecot-managesieved", "ca-certificates", "openssl",
};

static const struct {
    const char *path, *owner, *group;
    mode_t mode;
} paths[] = {
    {"/var/vmail", "vmail", "vmail", S_IFDIR | 0700},
    {"/var/spool/postfix/private", "postfix", "root", S_IFDIR | 0700},
    {"/etc/ssl/certs/mailprov.pem", "root", "root", S_IFREG | 0644},
    {"/etc/ssl/private/mailprov.key", "root", "root", S_IFREG | 0600},
    {"/etc/dovecot/sieve", "root", "root", S_IFDIR | 0755},
    {"/etc/dovecot/dovecot.conf", "root", "root", S_IFREG | 0644},
    {"/etc/dovecot/users", "root", "dovecot", S_IFREG | 0640},
    {"/etc/dovecot/sieve/before.sieve", "root", "root", S_IFREG | 0644},
    {"/etc/postfix/main.cf", "root", "root", S_IFREG | 0644},
    {"/etc/postfix/master.cf", "root", "root", S_IFREG | 0644},
    {"/etc/postfix/mailboxes", "root", "root", S_IFREG | 0644},
    {"/etc/postfix/virtual", "root", "root", S_IFREG | 0644},
    {"/etc/postfix/senders", "root", "root", S_IFREG | 0644},
    {"/etc/aliases", "root", "root", S_IFREG | 0644},
};

static const struct {
    const char *source, *compiled;
} tables[] = {
    {"/etc/postfix/mailboxes", "/etc/postfix/mailboxes.db"},
    {"/etc/postfix/virtual", "/etc/postfix/virtual.db"},
    {"/etc/postfix/senders", "/etc/postfix/senders.db"},
    {"/etc/aliases", "/etc/aliases.db"},
    {"/etc/dovecot/sieve/before.sieve", "/etc/dovecot/sieve/before.svbin"},
};

static const char *const units[] = {"dovecot.service", "postfix.service"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static int wrong;

static void is_wrong(const char *what)
{
    fprintf(stderr, "%s is not as it should be\n", what);
    wrong = 1;
}

/* Reads a file whole, with a zero after it; NULL if it cannot be read. */
static char *slurp(const char *path, size_t *size)
{
    struct stat state;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &state) < 0)
        return NULL;
    char *text = malloc((size_t)state.st_size + 1);
    if (!text)
        abort();
    size_t have = 0;
    ssize_t more;
    while (have < (size_t)state.st_size &&
           (more = read(file, text + have, (size_t)state.st_size - have)) > 0)
        have += (size_t)more;
    close(file);
    text[have] = 0;
    *size = have;
    return text;
}

static void look_at_packages(void)
{
    size_t size;
    char *status = slurp("/var/lib/dpkg/status", &size);
    for (size_t i = 0; i < COUNT(packages); i++) {
        char head[100];
        snprintf(head, sizeof head, "\nPackage: %s\nStatus: install ok installed\n", packages[i]);
        if (!status || !strstr(status, head))
            is_wrong(packages[i]);
    }
    free(status);
}

static void look_at_people(void)
{
    struct group *group = getgrnam("vmail");
    if (!group || group->gr_gid != 5000)
        is_wrong("the group vmail");
    struct passwd *user = getpwnam("vmail");
    if (!user || user->pw_uid != 5000 || user->pw_gid != 5000 ||
        strcmp(user->pw_dir, "/var/vmail") || strcmp(user->pw_shell, "/usr/sbin/nologin"))
        is_wrong("the user vmail");
}

static void look_at_paths(const char *wanted)
{
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct stat state;
        struct passwd *owner = getpwnam(paths[i].owner);
        struct group *group = getgrnam(paths[i].group);
        if (!owner || !group || lstat(paths[i].path, &state) < 0 ||
            state.st_uid != owner->pw_uid || state.st_gid != group->gr_gid ||
            state.st_mode != paths[i].mode) {
            is_wrong(paths[i].path);
            continue;
        }
        if (S_ISDIR(state.st_mode))
            continue;
        char copy[4096];
        snprintf(copy, sizeof copy, "%s%s", wanted, paths[i].path);
        size_t size, other;
        char *is = slurp(paths[i].path, &size), *should = slurp(copy, &other);
        if (!is || !should || size != other || memcmp(is, should, size))
            is_wrong(paths[i].path);
        free(is);
        free(should);
    }
}

static void look_at_tables(void)
{
    for (size_t i = 0; i < COUNT(tables); i++) {
        struct stat table, source;
        if (lstat(tables[i].source, &source) < 0 || lstat(tables[i].compiled, &table) < 0 ||
            table.st_mtime < source.st_mtime)
            is_wrong(tables[i].compiled);
    }
}

/* Asks for a property of a unit. */
static int is_so(sd_bus *bus, const char *path, const char *property, const char *should)
{
    char *is = NULL;
    int result = sd_bus_get_property_string(bus, "org.freedesktop.systemd1", path,
                                            "org.freedesktop.systemd1.Unit", property, NULL, &is);
    result = result >= 0 && !strcmp(is, should);
    free(is);
    return result;
}

static void look_at_units(void)
{
    sd_bus *bus = NULL;
    if (sd_bus_open_system(&bus) < 0) {
        is_wrong("D-Bus");
        return;
    }
    for (size_t i = 0; i < COUNT(units); i++) {
        char *path = NULL;
        if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", units[i], &path) < 0 ||
            !is_so(bus, path, "ActiveState", "active") ||
            !is_so(bus, path, "UnitFileState", "enabled"))
            is_wrong(units[i]);
        free(path);
    }
    sd_bus_flush_close_unref(bus);
}

int main(int count, char **words)
{
    if (count != 2) {
        fputs("usage: bare WANTED\n", stderr);
        return 64;
    }
    look_at_packages();
    look_at_people();
    look_at_paths(words[1]);
    look_at_tables();
    look_at_units();
    return wrong;
}
