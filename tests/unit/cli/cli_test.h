/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_TEST_CLI_TEST_H
#define UCGROUPFS_TEST_CLI_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
