/* The least that can be done to see that nothing is to be done: reads the files
 * of a mail server and compares them with copies of what they should be, with
 * owner, group and mode; looks for the packages in dpkg's status, for the user
 * and the group, and for compiled tables that are not older than their sources;
 * and asks systemd over D-Bus for the units. It knows no mail.yml, cannot say
 * what differs, and mends nothing: it is the measure, not a peer.
 *
 *   bare WANTED     a folder with the copies, WANTED/etc/postfix/main.cf and so on,
 *                   and with WANTED/list of what there is to look at:
 *
 *       package NAME
 *       file OWNER GROUP MODE PATH      the mode as stat(2) has it, in hexadecimal
 *       path OWNER GROUP MODE PATH      the same, whatever the content
 *       table SOURCE COMPILED
 *       unit NAME
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

static void look_at_package(const char *status, const char *name)
{
    char head[100];
    snprintf(head, sizeof head, "\nPackage: %s\nStatus: install ok installed\n", name);
    if (!status || !strstr(status, head))
        is_wrong(name);
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

static void look_at_path(const char *wanted, char *line, int has_copy)
{
    char *rest;
    const char *owner_name = strtok_r(line, " ", &rest), *group_name = strtok_r(NULL, " ", &rest);
    const char *mode = strtok_r(NULL, " ", &rest), *path = rest;
    if (!mode) {
        is_wrong("the list");
        return;
    }
    struct stat state;
    struct passwd *owner = getpwnam(owner_name);
    struct group *group = getgrnam(group_name);
    if (!owner || !group || lstat(path, &state) < 0 || state.st_uid != owner->pw_uid ||
        state.st_gid != group->gr_gid || state.st_mode != strtoul(mode, NULL, 16)) {
        is_wrong(path);
        return;
    }
    if (S_ISDIR(state.st_mode) || !has_copy)
        return;
    char copy[4096];
    snprintf(copy, sizeof copy, "%s%s", wanted, path);
    size_t size, other;
    char *is = slurp(path, &size), *should = slurp(copy, &other);
    if (!is || !should || size != other || memcmp(is, should, size))
        is_wrong(path);
    free(is);
    free(should);
}

static void look_at_table(char *line)
{
    char *compiled;
    const char *source_path = strtok_r(line, " ", &compiled);
    struct stat table, source;
    if (lstat(source_path, &source) < 0 || lstat(compiled, &table) < 0 ||
        table.st_mtime < source.st_mtime)
        is_wrong(compiled);
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

static void look_at_unit(sd_bus *bus, const char *unit)
{
    char *path = NULL;
    if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0 ||
        !is_so(bus, path, "ActiveState", "active") ||
        !is_so(bus, path, "UnitFileState", "enabled"))
        is_wrong(unit);
    free(path);
}

int main(int count, char **words)
{
    if (count != 2) {
        fputs("usage: bare WANTED\n", stderr);
        return 64;
    }
    char list_path[4096];
    snprintf(list_path, sizeof list_path, "%s/list", words[1]);
    size_t size;
    char *list = slurp(list_path, &size), *status = slurp("/var/lib/dpkg/status", &size), *rest;
    sd_bus *bus = NULL;
    if (!list || sd_bus_open_system(&bus) < 0) {
        is_wrong(list ? "D-Bus" : "the list");
        return wrong;
    }
    look_at_people();
    for (char *line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *what;
        const char *kind = strtok_r(line, " ", &what);
        if (!strcmp(kind, "package"))
            look_at_package(status, what);
        else if (!strcmp(kind, "file") || !strcmp(kind, "path"))
            look_at_path(words[1], what, *kind == 'f');
        else if (!strcmp(kind, "table"))
            look_at_table(what);
        else if (!strcmp(kind, "unit"))
            look_at_unit(bus, what);
        else
            is_wrong("the list");
    }
    free(status);
    free(list);
    sd_bus_flush_close_unref(bus);
    return wrong;
}
