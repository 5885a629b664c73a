dnl WF_TRY_CFLAG(FLAG): adds FLAG to WF_CFLAGS when the compiler takes it without complaint.
AC_DEFUN([WF_TRY_CFLAG], [
  wf_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $1 -Werror"
  AC_MSG_CHECKING([whether $CC accepts $1])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes]); WF_CFLAGS="$WF_CFLAGS $1"], [AC_MSG_RESULT([no])])
  CFLAGS=$wf_save_CFLAGS
])
