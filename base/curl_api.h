/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl_api.h - libcurl, loaded when it is first needed.
 *
 * Linking it would load 30 libraries at every start: 7 ms and 6 MB that a program
 * without an https URL does not owe.  Loop thread only.
 */
#ifndef BASE_CURL_API_H
#define BASE_CURL_API_H

#include <curl/curl.h>

struct error;

/* The functions that we use, under names that curl's type-checking macros leave alone.
 */
struct curl_api {
	CURLcode (*global)(long flags);
	CURL *(*easy_new)(void);
	void (*easy_free)(CURL *easy);
	CURLcode (*easy_run)(CURL *easy); /* blocks: in child processes only */
	CURLcode (*easy_set)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_get)(CURL *easy, CURLINFO info, ...);
	const char *(*easy_text)(CURLcode code);
	struct curl_slist *(*list_add)(struct curl_slist *list, const char *text);
	void (*list_free)(struct curl_slist *list);
	CURLM *(*multi_new)(void);
	CURLMcode (*multi_free)(CURLM *multi);
	CURLMcode (*multi_set)(CURLM *multi, CURLMoption option, ...);
	CURLMcode (*multi_add)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t s, void *p);
	CURLMcode (*multi_action)(CURLM *multi, curl_socket_t s, int events,
				  int *running);
	CURLMsg *(*multi_read)(CURLM *multi, int *left);
	const char *(*multi_text)(CURLMcode code);
};

/* Borrowed for ever, or NULL when there is no usable libcurl on this machine. */
const struct curl_api *curl_api_get(struct error *err);

#endif
