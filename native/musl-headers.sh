# For scripts that build against musl with a g++ that was made for glibc; sourced. `musl_headers <compiler> <directory>`
# prints the options that replace the headers of glibc by musl's, and writes the files that this takes to the directory.
# `musl_link <compiler>` prints the options that link a program statically, which come after its sources.
#
# musl-gcc is for C. The headers of libstdc++ are g++'s own, which were configured for glibc: what they ask of it is
# corrected by two files. The kernel's headers are the compiler's, behind those of musl.

# <compiler> <a header>: the directory in which the compiler finds the header.
header_directory() {
  echo "#include <$2>" | "$1" -E -M -x c++ - | tr ' ' '\n' | sed -n "s,/$2\$,,p" | head -n 1
}

musl_triplet() { "$1" -dumpmachine | sed 's/gnu$/musl/'; }

musl_headers() {
  mkdir -p "$2/shadow/bits" "$2/kernel"
  echo 'typedef struct __locale_struct *__locale_t;' >"$2/shadow/bits/os_defines.h"
  cat >"$2/shadow/bits/c++config.h" <<'EOF'
#pragma GCC system_header
#include_next <bits/c++config.h>
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
EOF
  for directory in linux asm asm-generic; do
    ln -sfn "$(header_directory "$1" "$directory/types.h")/$directory" "$2/kernel/$directory"
  done
  # -nostdinc drops g++'s own directory too: its stddef.h and stdarg.h are musl's here.
  echo "-nostdinc -nostdinc++ -isystem $2/shadow -isystem $(header_directory "$1" cstddef) \
-isystem $(header_directory "$1" bits/c++config.h) -isystem /usr/include/$(musl_triplet "$1") -isystem $2/kernel"
}

# Not PIE: a static PIE needs an rcrt1.o, without which the result would be dynamic.
musl_link() {
  libraries=/usr/lib/$(musl_triplet "$1")
  echo "-static -no-pie -nostdlib $libraries/crt1.o $libraries/crti.o -L$libraries -lc -lgcc $libraries/crtn.o"
}
