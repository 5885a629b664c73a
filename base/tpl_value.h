/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_value.h - values of a rendering, in its arena.  Private to the template engine.
 */
#ifndef BASE_TPL_VALUE_H
#define BASE_TPL_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct template_var;
struct tpl;
struct tpl_func;
struct vmacro;
struct vmethod;

/* ---- arena ---- */
struct arena_chunk;
struct arena {
	struct arena_chunk *head;
	size_t used, max;
};
void *arena_alloc(struct arena *a, size_t size); /* zeroed; NULL above max */
void arena_release(struct arena *a);

/* ---- values ---- */
enum val_type {
	V_UNDEF = 0,
	V_NONE,
	V_BOOL,
	V_INT,
	V_FLOAT,
	V_STR,
	V_LIST,
	V_TUPLE,
	V_DICT,
	V_OBJ, /* model, resource, time ... */
	V_MACRO,
	V_FUNC,  /* a global function */
	V_METHOD /* of a value */
};
struct val {
	enum val_type type;
	unsigned int markup : 1; /* V_STR: escaped already */
	size_t len;              /* V_STR: bytes */
	union {
		int b;
		int64_t i;
		double d;
		const char *s; /* V_STR; V_UNDEF: its name */
		struct vlist *l;
		struct vdict *m;
		struct vobj *o;
		struct vmacro *macro;
		const struct tpl_func *f;
		struct vmethod *method;
	} u;
};
struct vlist {
	struct val *v;
	size_t n, size;
};
struct vpair {
	struct val k, v;
};
struct vdict {
	struct vpair *p;
	size_t n, size;
};
enum obj_class {
	OBJ_MODEL = 1,
	OBJ_RESOURCE,
	OBJ_LABELS,
	OBJ_TIME,
	OBJ_STATE_TYPE,
	OBJ_HEADERS,
	OBJ_LOOP,
	OBJ_NAMESPACE,
	OBJ_CYCLER,
	OBJ_JOINER
};
struct vobj {
	enum obj_class cls;
	const char *model; /* "flow-run", "event": for ui_url */
	struct vdict *attrs;
	const json_t *json; /* as the API has it; may be NULL */
	int64_t at_us;      /* OBJ_TIME */
	const char *text;   /* OBJ_STATE_TYPE, OBJ_LABELS: its prefix */
	/* OBJ_LOOP */
	struct vlist *items;
	size_t at;
	struct val last;
	int has_last;
};

/* values */
struct val v_undef(const char *name);
struct val v_none(void);
struct val v_bool(int b);
struct val v_int(int64_t i);
struct val v_float(double d);
struct val v_strn(const char *s, size_t len); /* borrowed; s[len] is 0 */
int v_str(struct tpl *t, const char *s, size_t len, struct val *ret); /* copied */
int v_strz(struct tpl *t, const char *s, struct val *ret);
int v_list(struct tpl *t, enum val_type type, struct val *ret);
int v_append(struct tpl *t, struct val list, struct val item);
int v_dict(struct tpl *t, struct val *ret);
int v_dict_set(struct tpl *t, struct vdict *m, struct val k, struct val v);
struct val *v_dict_get(const struct vdict *m, const char *key, size_t len);
struct val *v_dict_find(const struct vdict *m, struct val key);
int v_obj(struct tpl *t, enum obj_class cls, struct vobj **ret, struct val *ret_val);
struct val v_of_obj(struct vobj *o);
int v_time(struct tpl *t, int64_t at_us, struct val *ret);
int v_truth(struct val v);
int v_is_key(struct val v);    /* may be a key: no list, no dictionary */
int v_is_number(struct val v); /* with booleans */
double v_number(struct val v);
int64_t v_integer(struct val v);   /* the nearest; 0 for what is no number */
int64_t v_magnitude(struct val v); /* without its sign, INT64_MAX at most */
int v_is_str(struct val v, const char *s);
int v_equal(struct val a, struct val b);
int v_compare(struct tpl *t, struct val a, struct val b, int *ret);
/* For sorting: texts without regard to case unless CASE_SENSITIVE. */
int v_order(struct tpl *t, struct val a, struct val b, int case_sensitive, int *ret);
int v_in(struct tpl *t, struct val item, struct val in, int *ret);
size_t v_chars(struct val s);                            /* characters of a text */
size_t utf8_at(const char *s, size_t len, size_t chars); /* byte of a character */
int v_length(struct tpl *t, struct val v, int64_t *ret);
/* As a list that may be walked; -1 and an error when it is not iterable. */
int v_iter(struct tpl *t, struct val v, struct vlist **ret);
int v_attr(struct tpl *t, struct val v, const char *name, struct val *ret);
int v_item(struct tpl *t, struct val v, struct val key, struct val *ret);
const char *v_type_name(struct val v);
/* As print does; NULL-safe for everything. */
int v_to_str(struct tpl *t, struct val v, struct val *ret);
void v_write(struct buf *b, struct val v, int repr, int depth);
void v_write_float(struct buf *b, double d);
int v_from_buf(struct tpl *t, struct buf *b, struct val *ret); /* releases B */

/* JSON in and out */
int v_from_json(struct tpl *t, const json_t *j, struct val *ret);
int v_from_var(struct tpl *t, const struct template_var *var, struct val *ret);
int v_to_json(struct tpl *t, struct val v, json_t **ret);
int v_label_node(struct tpl *t, struct vdict *labels, const char *prefix,
		 struct val *ret);
int v_label_children(const struct vdict *labels, const char *prefix);

#endif
