dnl WF_TRY_CFLAG(FLAG): adds FLAG to WF_CFLAGS when the compiler takes it without complaint.
AC_DEFUN([WF_TRY_CFLAG], [
  wf_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $1 -Werror"
  AC_MSG_CHECKING([whether $CC accepts $1])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes]); WF_CFLAGS="$WF_CFLAGS $1"], [AC_MSG_RESULT([no])])
  CFLAGS=$wf_save_CFLAGS
])

dnl WF_PREFER_STATIC(VAR, NAME): VAR_LIBS becomes -l:libNAME.a when the linker finds that file.
AC_DEFUN([WF_PREFER_STATIC], [
  AS_IF([test "x$with_shared_libs" != xyes], [
    wf_save_LIBS=$LIBS
    LIBS="-l:lib$2.a -lm $LIBS"
    AC_MSG_CHECKING([for lib$2.a])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
      [AC_MSG_RESULT([yes]); $1[]_LIBS="-l:lib$2.a"], [AC_MSG_RESULT([no, the shared one])])
    LIBS=$wf_save_LIBS
  ])
])
