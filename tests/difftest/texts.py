# SPDX-License-Identifier: MIT
"""What is written to control files.  In those for lists, %n is a task's id, %x and %o the same in
hexadecimal and octal; %FILL is blanks up to 4096 bytes, %ZEROS is zeros up to as many."""

PAGE = 4096

MOVES = ["%n", "%n\n", " %n ", "\n%n\n\n", "%n\r\n", "\t\v\f%n", "+%n", "0x%x", "0X%x\n", "0%o",
         "000%o\n", "%n\0junk", "\xa0%n\xa0", "%FILL%n", "%ZEROS%o"]
SELF = ["0", "0\n", "+0", "-0", "00", "0x0", " 0 "]
BAD_PIDS = ["-%n", "%nx", "%n,", "%n.0", "%n %n", "%n\n%n\n", "\0%n", "++%n", "+ %n", "+", "-",
            "0x", "0x+1", "text", " ", "\n", "\0", "08%n", "\x85%n", "2147483648", "4294967296",
            "99999999999999999999", "-1", "-2147483648", "0b1", "%FILL%n ", "%ZEROS%o "]
NOBODY = ["2147483647", "0x7fffffff", "017777777777"]
KTHREADD = ["2", "2\n", "0x2"]
INIT = ["1", "1\n"]

FLAGS = ["0", "1", "0\n", "1\n", "2", "10", "01", "00", "010", "0x1", "0X10", "+1", "+0", "0x0\n",
         "18446744073709551615", "4294967296", "1\0x", "0\0001", "%ZEROS1", "%ZEROS0"]
BAD_FLAGS = [" 1", "1 ", "\t1", "1\n\n", "\n1", "1\r\n", "-1", "-0", "08", "0x", "0b1", "1x", "1 0",
             "1\n0", "true", " ", "\0", "\n", "+", "++1", "+-1", "18446744073709551616",
             "99999999999999999999999", "18446744073709551616x", "0x10000000000000000",
             "%ZEROS1 ", "\xa01"]
AGENTS = ["\n", " ", "\0", "/a\n", " /a b \n", "/a\nb", "relative", "/x\0y", "\xa0/x\x85", "\xff",
          "//x//", "%FILL/x", "%ZEROS"]


def render(text, pid=0):
    text = text.replace("%n", str(pid)).replace("%x", f"{pid:x}").replace("%o", f"{pid:o}")
    for word, filler in (("%FILL", " "), ("%ZEROS", "0")):
        if word in text:
            # One byte more than fits, where the text has a blank at its end.
            rest = len(text.removesuffix(" ")) - len(word)
            text = text.replace(word, filler * (PAGE - rest))
    return text.encode("latin-1")


def is_set(data):
    """What a valid text means to notify_on_release."""
    return bool(data.split(b"\0")[0].strip(b"+0xX\n"))
