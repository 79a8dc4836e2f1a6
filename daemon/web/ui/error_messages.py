"""Chinese explanations of error and warning classes.

The message of an error or a warning itself is English and names numbers and files; a page shows it
after the explanation.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.web.ui.messages import CHINESE, ENGLISH

_FAILURES = {
    "corrupt": "文件已损坏，无法解码；请重新扫描、导出或复制。",
    "crashed": "处理时发生内部错误；请查看日志，或重试。",
    "damaged": "这一页的数据不完整，文字可能有缺失；请重新扫描或导出。",
    "encrypted": "此 PDF 需要密码；请去除密码，或由管理员在配置中填写（pdf.passwords）。",
    "environment": "服务器当时无法读写某个文件或文件夹；恢复后请重试。",
    "invalid_options": "上传时指定的选项现在无法使用（例如配置已更改）；请用其他选项重新上传。",
    "killed": "识别进程意外终止；请重试，或将文件另存后再提交。",
    "memory": "识别所需的内存超过限制；请降低分辨率后重新扫描。",
    "no_such_page": "文档中没有所要求的页；请指定其他页码后重新上传。",
    "not_archivable": "无法转换为 PDF/A，只有图像和由图像组成的 PDF 可以；请改用可搜索的 PDF。",
    "timeout": "识别时间超过限制；请拆分文件，或降低分辨率后重新扫描。",
    "too_large": "超出大小限制；请拆分文件，或降低分辨率后重新扫描。",
    "unread": "这一页有看起来像文字、但没能识别的地方；请与原件核对，或提高分辨率后重新扫描。",
    "unsupported": "不支持这种文件格式；请另存为 PDF、PNG、JPEG 或 TIFF。",
}

_HTTP_ERRORS = {
    "busy": "正在处理中，请稍后再试。",
    "daemon_not_running": "守护进程没有运行；启动后请重试。",
    "disk_full": "磁盘空间不足，无法接收更多文件；请清理空间后重试。",
    "empty": "文件是空的；请重新扫描或复制。",
    "foreign_origin": "不允许从其他网站执行此操作。",
    "gone": "识别结果已被取走或删除。",
    "http_error": "无法处理此请求。",
    "inbox_unavailable": "收件文件夹当前不可用；恢复后请重试。",
    "incomplete_body": "请求在传输完成前中断；请重试。",
    "internal_error": "服务器内部错误；原因见网页进程的日志。",
    "invalid_parameter": "请求参数无效。",
    "line_changed": "这一行已重新识别；请重新载入页面后再更正。",
    "malformed": "请求格式不正确。",
    "method_not_allowed": "不支持这种请求方法。",
    "name_too_long": "文件名太长；请缩短后重新上传。",
    "no_file": "没有选择文件。",
    "no_image": "无法显示这一页的图像。",
    "not_corrected": "无法保存此更正；请填写一行文字，且不要太长。",
    "not_failed": "只有失败的文档才能重试。",
    "not_found": "找不到该文档或文件。",
    "not_readable": "无法识别该文档。",
    "original_gone": "原始文件已不可用；请重新上传。",
    "outbox_unavailable": "输出文件夹当前不可用；恢复后请重试。",
    "queue_full": "等待处理的文件太多；请稍后再试。",
    "rate_limited": "请求过于频繁；请稍后再试。",
    "timeout": "识别尚未完成；请稍后查看。",
    "too_large": "文件太大，无法上传；请拆分。",
    "too_many_files": "一次上传的文件太多；请分批上传。",
    "too_slow": "传输速度太慢，连接已关闭；请重试。",
    "unauthorized": "需要令牌才能访问。",
    "unknown_host": "无法通过此主机名访问；请使用配置中的地址（web.origins）。",
    "unknown_parameter": "请求中有未知的参数。",
    "unsupported": "该文件不是图片或 PDF。",
}

_WARNINGS = {
    "attachments_not_read": "此 PDF 带有附件，附件没有识别；请将它们另存后单独提交。",
    "drawn_by_pdfium": "这一页用另一个程序重新绘制，内容可能与其他阅读器中的不同；请与原件核对。",
    "page_tree_recovered": "此 PDF 的页面结构已损坏，只识别了能找到的页；请与原件核对。",
    "reduced_resolution": "这一页在规定时间内没有识别完，已降低分辨率重新识别，小字可能有缺失。",
    "renderer_message": "绘制这一页时出现问题，内容可能不完整；请与原件核对。",
    "codes_not_read": "这一页无法绘制，因此没有查找条码；文字不受影响。请重新导出文件。",
    "xfa_form_not_read": "此 PDF 含有 XFA 动态表单，表单内容没有识别；请打印成普通 PDF 后再提交。",
}

FAILURE_MESSAGES: Mapping[str, Mapping[str, str]] = {ENGLISH: {}, CHINESE: _FAILURES}
HTTP_ERROR_MESSAGES: Mapping[str, Mapping[str, str]] = {ENGLISH: {}, CHINESE: _HTTP_ERRORS}
WARNING_MESSAGES: Mapping[str, Mapping[str, str]] = {ENGLISH: {}, CHINESE: _WARNINGS}
