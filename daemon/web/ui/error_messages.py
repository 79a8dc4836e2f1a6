"""What a failure or a refusal means, by its class, in languages that its sentence is not in.

The sentence itself is English and names numbers and names; a page shows it behind these.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.web.ui.messages import CHINESE, ENGLISH

_FAILURES = {
    "corrupt": "文件已损坏，无法解码；请重新扫描、导出或复制。",
    "crashed": "处理时出现内部错误；请查看日志，或重试。",
    "damaged": "这一页有缺损，文字可能不完整；请重新扫描或导出。",
    "encrypted": "这份 PDF 需要密码；请去除密码，或由管理员在配置中填写（pdf.passwords）。",
    "environment": "服务器上的文件或文件夹当时无法读写；恢复后请重试。",
    "killed": "识别进程意外中止；请重试，或另存后再放入。",
    "memory": "识别它所需的内存超过限制；请降低分辨率后重新扫描。",
    "timeout": "识别用时超过限制；请拆分文件，或降低分辨率后重新扫描。",
    "too_large": "超出大小限制；请拆分文件，或降低分辨率后重新扫描。",
    "unsupported": "无法识别这种文件；请另存为 PDF、PNG、JPEG 或 TIFF。",
}

_REFUSALS = {
    "broken_off": "请求没有传完就中断了；请重试。",
    "busy": "它正在处理中；请稍后再看。",
    "crashed": "这个请求出错了，原因在网页进程的日志里。",
    "crowded": "现在请求太多；请稍后再试。",
    "daemon_not_running": "守护程序没有运行；启动后请重试。",
    "empty": "文件是空的；请重新扫描或复制。",
    "foreign_origin": "不允许从其他网站执行此操作。",
    "full": "没有空间存放更多文件；请腾出空间后再试。",
    "gone": "识别结果已被取走或删除。",
    "inbox_away": "收件箱现在无法写入；恢复后请重试。",
    "invalid": "地址中的参数不正确。",
    "late": "还没有识别完；请稍后再看。",
    "malformed": "请求的格式不正确。",
    "name_too_long": "文件名太长；请改短后再上传。",
    "no_file": "没有选择文件。",
    "no_picture": "无法显示这一页的图片。",
    "no_token": "需要令牌才能访问。",
    "not_failed": "只有失败的文档才能重试。",
    "original_gone": "原件已不在，请重新上传。",
    "outbox_away": "发件箱现在无法读写；恢复后请重试。",
    "too_large": "文件太大，无法上传；请拆分。",
    "too_many": "一次发送得太多；请减少数量，或稍后再试。",
    "too_slow": "传输太慢，连接已关闭；请重试。",
    "unknown": "没有这份文档或文件。",
    "unknown_host": "不能用这个地址访问；请使用配置中的地址（web.origins）。",
    "unsupported": "它既不是图片，也不是 PDF。",
}

FAILURES: Mapping[str, Mapping[str, str]] = {ENGLISH: {}, CHINESE: _FAILURES}
REFUSALS: Mapping[str, Mapping[str, str]] = {ENGLISH: {}, CHINESE: _REFUSALS}
