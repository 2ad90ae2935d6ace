/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/race.h"
