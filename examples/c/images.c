/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images.c - a folder of pictures (PPM, P6) made smaller: a map over the files, a table
 * of what came out.  A file that is no picture fails alone.
 *
 *     ./images run images -p from=photos -p to=small -p width=160
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wf.h>

#define MAX_SIDE 20000

struct image {
	int width, height;
	unsigned char *pixels; /* 3 bytes each */
};

static int read_ppm(const char *path, struct image *im)
{
	FILE *f = fopen(path, "rbe");
	size_t bytes = 0;
	int depth = 0, ok;

	if (f == NULL) {
		return -1;
	}
	ok = fscanf(f, "P6 %d %d %d", &im->width, &im->height, &depth) == 3 &&
	     fgetc(f) != EOF && depth == 255 && im->width > 0 && im->height > 0 &&
	     im->width <= MAX_SIDE && im->height <= MAX_SIDE;
	if (ok) {
		bytes = (size_t)im->width * (size_t)im->height * 3;
		im->pixels = malloc(bytes);
		ok = im->pixels != NULL && fread(im->pixels, 1, bytes, f) == bytes;
	}
	(void)fclose(f);
	return ok ? 0 : -1;
}

static int write_ppm(const char *path, const struct image *im)
{
	FILE *f = fopen(path, "wbe");
	size_t bytes = (size_t)im->width * (size_t)im->height * 3;
	int ok;

	if (f == NULL) {
		return -1;
	}
	ok = fprintf(f, "P6\n%d %d\n255\n", im->width, im->height) > 0 &&
	     fwrite(im->pixels, 1, bytes, f) == bytes;
	return fclose(f) == 0 && ok ? 0 : -1;
}

/* The mean of the pixels of FROM that fall on pixel X, Y of TO, for one colour. */
static unsigned char mean(const struct image *from, const struct image *to, int x,
			  int y, int colour)
{
	int x0 = (int)((int64_t)x * from->width / to->width);
	int y0 = (int)((int64_t)y * from->height / to->height);
	int x1 = (int)((int64_t)(x + 1) * from->width / to->width);
	int y1 = (int)((int64_t)(y + 1) * from->height / to->height);
	uint64_t sum = 0, count = 0;
	int i, k;

	for (k = y0; k < y1 || k == y0; k++) {
		for (i = x0; i < x1 || i == x0; i++) {
			sum +=
			    from->pixels[((size_t)k * (size_t)from->width + (size_t)i) *
					     3 +
					 (size_t)colour];
			count++;
		}
	}
	return (unsigned char)(sum / count);
}

static int shrink(const struct image *from, struct image *to)
{
	size_t at = 0;
	int x, y, colour;

	to->pixels = malloc((size_t)to->width * (size_t)to->height * 3);
	if (to->pixels == NULL) {
		return -1;
	}
	for (y = 0; y < to->height; y++) {
		for (x = 0; x < to->width; x++) {
			for (colour = 0; colour < 3; colour++) {
				to->pixels[at++] = mean(from, to, x, y, colour);
			}
		}
	}
	return 0;
}

WF_TASK(resize, wf_json, .timeout = 60, .run_name = "resize {name}")
{
	const char *name = wf_str(in, "name");
	const char *path = wf_fmt(ctx, "%s/%s", wf_str(in, "from"), name);
	struct image from = {0}, to = {.width = (int)wf_i64(in, "width")};

	if (read_ppm(path, &from) < 0) {
		return wf_fail(ctx, 2, "%s is no PPM picture", path);
	}
	if (to.width < 1 || to.width > from.width) {
		to.width = from.width;
	}
	to.height = (int)((int64_t)from.height * to.width / from.width);
	to.height = to.height > 0 ? to.height : 1;
	if (shrink(&from, &to) < 0 ||
	    write_ppm(wf_fmt(ctx, "%s/%s", wf_str(in, "to"), name), &to) < 0) {
		return wf_fail(ctx, 1, "%s: %s", name, strerror(errno));
	}
	return wf_ok(ctx, wf_obj("{name: %s, from: '%dx%d', to: '%dx%d'}", name,
				 from.width, from.height, to.width, to.height));
}

WF_TASK(list_files, wf_json)
{
	wf_json names = wf_arr(ctx);
	DIR *d = opendir(wf_str(in, "folder"));
	struct dirent *e;

	if (d == NULL) {
		return wf_fail(ctx, 1, "%s: %s", wf_str(in, "folder"), strerror(errno));
	}
	while ((e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".ppm") != NULL) {
			wf_push(names, wf_from_text(e->d_name));
		}
	}
	(void)closedir(d);
	return wf_ok(ctx, names);
}

WF_FLOW(images, .params = "{from: string, to: string, width: integer = 160}",
	.description = "a folder of pictures made smaller")
{
	wf_json names =
	    wf_get(wf_call(ctx, list_files, "{folder: %s}", wf_str(in, "from")));
	wf_json rows = wf_arr(ctx);
	wf_futs futs;
	wf_fut *f;
	int64_t bad = 0;

	(void)mkdir(wf_str(in, "to"), 0755);
	futs = wf_map(
	    ctx, resize, WF_EACH("name", names), WF_CONST("from", wf_at(in, "from")),
	    WF_CONST("to", wf_at(in, "to")), WF_CONST("width", wf_at(in, "width")));
	while ((f = wf_as_completed(&futs, -1)) != NULL) {
		if (wf_is_completed(wf_state_of(f))) {
			wf_push(rows, wf_get(f));
		} else {
			wf_warn(ctx, "%s", wf_message(wf_state_of(f)));
			bad++;
		}
	}
	wf_artifact_table(ctx, "pictures", rows);
	return wf_ok(
	    ctx, wf_obj("{resized: %d, bad: %lld}", (int)wf_len(rows), (long long)bad));
}

int main(int argc, char **argv)
{
	return wf_main(argc, argv);
}
