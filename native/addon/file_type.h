// The type of an open file by statx(2), Linux 4.11: fstat(2)'s symbol in the C library would need glibc 2.33.
#pragma once

#include <sys/types.h>

// Sets *mode, of which S_ISREG() and the like tell the type: 0 or -errno. The descriptor may be an O_PATH one.
int file_type(int fd, mode_t* mode);
