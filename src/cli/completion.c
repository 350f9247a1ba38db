/*
 * completion: a script that completes the command in a shell, made from the
 * tables of verbs and flags.  Values of a flag that are few are offered,
 * those that are files completed as files; in zsh the script of bash is
 * used, through zsh's own bashcompinit.
 */

#include "cli.h"


static const char *const  shells[] = { "bash", "zsh", "fish" };

static const char  bash_head[] =
    "_kecs()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    local prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local verb=${COMP_WORDS[1]} words= files=\n"
    "\n"
    "    COMPREPLY=()\n"
    "\n"
    "    case $prev in\n";

static const char  bash_middle[] =
    "    *)\n"
    "        if [ \"$COMP_CWORD\" = 1 ]; then\n"
    "            words='";

static const char  bash_verbs[] =
    "'\n"
    "        else\n"
    "            case $verb in\n";

static const char  bash_tail[] =
    "            esac\n"
    "        fi\n"
    "    esac\n"
    "\n"
    "    if [ -n \"$files\" ]; then\n"
    "        COMPREPLY=($(compgen \"$files\" -- \"$cur\"))\n"
    "    else\n"
    "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "    fi\n"
    "}\n"
    "complete -o filenames -F _kecs kecs\n";


/* "a|b" as words; "FILE" and the like are none. */

static void
print_words(const char *value)
{
    for ( /* void */ ; *value != '\0'; value++) {
        (void) putchar(*value == '|' ? ' ' : *value);
    }
}


static void
print_verb_names(void)
{
    const kecs_verb_t  *v;

    for (v = kecs_verbs; v->name != NULL; v++) {
        printf("%s%s", v == kecs_verbs ? "" : " ", v->name);
    }
}


static void
bash_flag(const kecs_flag_t *f)
{
    if (f->type == KECS_FLAG_SWITCH) {
        return;
    }

    printf("    --%s)\n        ", f->name);

    if (strchr(f->value, '|') != NULL) {
        printf("words='");
        print_words(f->value);
        printf("'");

    } else if (strcmp(f->value, "FILE") == 0) {
        printf("files=-f");

    } else if (strcmp(f->value, "DIR") == 0) {
        printf("files=-d");

    } else {
        printf(":");
    }

    printf(" ;;\n");
}


/* What may follow a verb: its argument, and its flags. */

static void
bash_verb(const kecs_verb_t *v)
{
    size_t              i;
    const kecs_flag_t  *f;

    printf("            %s)\n                words='", v->name);

    for (f = kecs_flags; f->name != NULL; f++) {
        if (kecs_has_word(v->flags, f->name)) {
            printf("--%s ", f->name);
        }
    }

    if (strcmp(v->args, "[VERB]") == 0) {
        print_verb_names();
    }

    for (i = 0; strcmp(v->args, "SHELL") == 0
                && i < sizeof(shells) / sizeof(shells[0]); i++)
    {
        printf("%s ", shells[i]);
    }

    printf("'\n");

    if (strcmp(v->args, "FILE") == 0) {
        printf("                case $cur in -*) ;; *) files=-f ;; esac\n");
    }

    printf("                ;;\n");
}


static void
print_bash(void)
{
    const kecs_verb_t  *v;
    const kecs_flag_t  *f;

    printf("%s", bash_head);

    for (f = kecs_flags; f->name != NULL; f++) {
        bash_flag(f);
    }

    printf("%s", bash_middle);
    print_verb_names();
    printf("%s", bash_verbs);

    for (v = kecs_verbs; v->name != NULL; v++) {
        bash_verb(v);
    }

    printf("%s", bash_tail);
}


/* In single quotes, as fish has them. */

static void
fish_quoted(const char *text)
{
    (void) putchar('\'');

    for ( /* void */ ; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            (void) putchar('\\');
        }

        (void) putchar(*text);
    }

    (void) putchar('\'');
}


static void
fish_flag(const kecs_verb_t *v, const kecs_flag_t *f)
{
    printf("complete -c kecs -n '__fish_seen_subcommand_from %s' -l %s"
           " -d ", v->name, f->name);
    fish_quoted(f->help);

    if (f->type == KECS_FLAG_SWITCH) {
        printf("\n");
        return;
    }

    printf(" -x");

    if (strchr(f->value, '|') != NULL) {
        printf(" -a '");
        print_words(f->value);
        printf("'");

    } else if (strcmp(f->value, "FILE") == 0) {
        printf(" -a '(__fish_complete_path)'");

    } else if (strcmp(f->value, "DIR") == 0) {
        printf(" -a '(__fish_complete_directories)'");
    }

    printf("\n");
}


static void
fish_verb(const kecs_verb_t *v)
{
    const kecs_flag_t  *f;

    printf("complete -c kecs -n __fish_use_subcommand -a %s -d ", v->name);
    fish_quoted(v->help);
    printf("\n");

    if (strcmp(v->args, "FILE") == 0) {
        printf("complete -c kecs -n '__fish_seen_subcommand_from %s' -F\n",
               v->name);

    } else if (strcmp(v->args, "[VERB]") == 0) {
        printf("complete -c kecs -n '__fish_seen_subcommand_from %s' -a '",
               v->name);
        print_verb_names();
        printf("'\n");

    } else if (strcmp(v->args, "SHELL") == 0) {
        printf("complete -c kecs -n '__fish_seen_subcommand_from %s'"
               " -a '%s %s %s'\n", v->name, shells[0], shells[1], shells[2]);
    }

    for (f = kecs_flags; f->name != NULL; f++) {
        if (kecs_has_word(v->flags, f->name)) {
            fish_flag(v, f);
        }
    }
}


static void
print_fish(void)
{
    const kecs_verb_t  *v;

    printf("complete -c kecs -f\n");

    for (v = kecs_verbs; v->name != NULL; v++) {
        fish_verb(v);
    }
}


int
kecs_completion(kecs_options_t *o)
{
    const char  *shell = o->args[0];

    if (strcmp(shell, "bash") == 0) {
        print_bash();
        return 0;
    }

    if (strcmp(shell, "zsh") == 0) {
        printf("autoload -Uz compinit bashcompinit\n"
               "(( $+functions[compdef] )) || compinit\n"
               "bashcompinit\n");
        print_bash();
        return 0;
    }

    if (strcmp(shell, "fish") == 0) {
        print_fish();
        return 0;
    }

    (void) kecs_die("completions are there for bash, zsh and fish, not for"
                    " \"%s\"", shell);

    return 2;
}
